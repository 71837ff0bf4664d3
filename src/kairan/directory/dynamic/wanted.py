"""What is asked of a dynamic group, by a filter or by precanned conditions, as the group it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup
from kairan.directory.recipient_filter.precanned import IncludedRecipients, opath
from kairan.directory.recipient_filter.settings import RecipientFilterSettings


def with_filter(before: DynamicGroup, text: str) -> DynamicGroup:
    return replace(before, filter=text, included_recipients=(), conditions={})


def with_conditions(
    before: DynamicGroup,
    settings: RecipientFilterSettings,
    *,
    included_recipients: Sequence[str],
    conditions: Mapping[str, Sequence[str]],
) -> DynamicGroup:
    """What is not named stays; a condition without a value goes."""
    included = _included(included_recipients or before.included_recipients or ("MailboxUsers",))
    named = {name: tuple(filter(None, values)) for name, values in conditions.items()}
    merged = {name: values for name, values in {**before.conditions, **named}.items() if values}
    return replace(
        before,
        filter=_text(included, merged, settings),
        included_recipients=tuple(one.value for one in included),
        conditions=merged,
    )


def _text(
    included: Sequence[IncludedRecipients],
    conditions: Mapping[str, tuple[str, ...]],
    settings: RecipientFilterSettings,
) -> str:
    text = opath(included, conditions)
    if len(text) > settings.characters_max:
        raise DirectoryError(
            f"these conditions are a filter of {len(text)} characters, and it has"
            f" {settings.characters_max} at most; a custom attribute that stands for them is shorter"
        )
    return text


def _included(words: Sequence[str]) -> list[IncludedRecipients]:
    """Also several in one word, as Exchange's commands are written: MailboxUsers,MailContacts."""
    by_lower = {one.value.lower(): one for one in IncludedRecipients}
    found = []
    for word in (piece.strip() for given in words for piece in given.split(",")):
        if word.lower() not in by_lower:
            known = ", ".join(one.value for one in IncludedRecipients)
            raise DirectoryError(f'there are no included recipients "{word}"; there are {known}')
        found.append(by_lower[word.lower()])
    return list(dict.fromkeys(found))
