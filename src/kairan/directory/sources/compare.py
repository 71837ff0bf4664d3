"""What a source says against what the directory holds: pure rules, which yield changes.

A change names what differs, before and after, as texts, truths and numbers: it is shown, counted and
written into the audit as it stands.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from kairan.directory.recipient_filter.properties import is_outside, recipient_type
from kairan.directory.sources.values import SourceGroup, SourcePerson, SourceProblem
from kairan.mail.address import Address, domain_of

Fact: TypeAlias = str | int | bool | tuple[str, ...] | None


class Deed(StrEnum):
    ADD = "add"
    ADOPT = (
        "adopt"  # what had been put in by hand, or by an entry that has left, is the source's now
    )
    CHANGE = "change"
    DISABLE = "disable"  # it has left
    REMOVE = "remove"  # it has left, and the grace is over


class RecipientKind(StrEnum):
    PERSON = "person"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class SourceChange:
    deed: Deed
    kind: RecipientKind
    id: str
    address: str
    before: Mapping[str, Fact] = field(default_factory=dict)
    after: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """As the directory holds it.  `former`: of its aliases, those that a source has not named."""

    id: str
    address: str
    facts: Mapping[str, Fact]
    former: frozenset[str] = frozenset()

    @property
    def aliases(self) -> frozenset[str]:
        named = self.facts["aliases"]
        assert isinstance(named, tuple)
        return frozenset(named)


@dataclass(frozen=True, slots=True)
class KnownGroup:
    id: str
    address: str
    display_name: str
    hidden: bool
    enabled: bool


def fitted(person: SourcePerson, domains: Collection[str]) -> SourcePerson | SourceProblem:
    """As the directory can hold it: aliases of other domains are another system's, and left away."""
    kind = recipient_type(person.recipient_type)
    if kind is None:
        sentence = f"there is no recipient type {person.recipient_type}"
        return SourceProblem(person.id, person.address, sentence)
    if is_outside(kind):
        return replace(person, recipient_type=kind)
    if not _is_ours(person.address, domains):
        sentence = (
            f"{person.address}: {domain_of(Address(person.address))} is not an accepted domain;"
            " add it to the accepted domains, or make it a contact at the source"
        )
        return SourceProblem(person.id, person.address, sentence)
    ours = frozenset(one for one in person.aliases if _is_ours(one, domains))
    if (kind, ours) == (person.recipient_type, person.aliases):
        return person
    return replace(person, recipient_type=kind, aliases=ours)


def _is_ours(address: str, domains: Collection[str]) -> bool:
    return domain_of(Address(address)) in domains


def person_facts(
    person: SourcePerson, known: KnownPerson | None, *, keeps_old_addresses: bool
) -> Mapping[str, Fact]:
    """What the directory is to hold of it."""
    kept = kept_addresses(person, known) if keeps_old_addresses else frozenset()
    return {
        "address": person.address,
        "aliases": tuple(sorted((person.aliases | kept) - {person.address})),
        "display_name": person.display_name,
        "hidden": person.hidden,
        "recipient_type": person.recipient_type,
        "enabled": person.enabled,
        "country_code": person.country_code,
        **person.attributes,
    }


def kept_addresses(person: SourcePerson, known: KnownPerson | None) -> frozenset[str]:
    """The primary addresses it had before, which the source may not name any more."""
    if known is None:
        return frozenset()
    return (known.former | {known.address}) - person.aliases - {person.address}


def person_change(
    person: SourcePerson, known: KnownPerson | None, *, keeps_old_addresses: bool
) -> SourceChange | None:
    """None: it is as it should be."""
    after = person_facts(person, known, keeps_old_addresses=keeps_old_addresses)
    if known is None:
        shown = {name: value for name, value in after.items() if value not in (None, "", ())}
        return SourceChange(Deed.ADD, RecipientKind.PERSON, person.id, person.address, {}, shown)
    before, after = _difference(known.facts, after)
    if not after and known.id == person.id:
        return None
    deed = Deed.CHANGE if known.id == person.id else Deed.ADOPT
    return SourceChange(deed, RecipientKind.PERSON, person.id, known.address, before, after)


def group_change(group: SourceGroup, known: KnownGroup | None) -> SourceChange | None:
    after: dict[str, Fact] = {
        "address": group.address,
        "display_name": group.display_name,
        "hidden": group.hidden,
        "enabled": True,
    }
    if known is None:
        return SourceChange(Deed.ADD, RecipientKind.GROUP, group.id, group.address, {}, after)
    held: dict[str, Fact] = {
        "address": known.address,
        "display_name": known.display_name,
        "hidden": known.hidden,
        "enabled": known.enabled,
    }
    before, changed = _difference(held, after)
    if not changed and known.id == group.id:
        return None
    deed = Deed.CHANGE if known.id == group.id else Deed.ADOPT
    return SourceChange(deed, RecipientKind.GROUP, group.id, known.address, before, changed)


def _difference(
    before: Mapping[str, Fact], after: Mapping[str, Fact]
) -> tuple[Mapping[str, Fact], Mapping[str, Fact]]:
    """An attribute that one side does not have is empty there."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {n: before.get(n) for n in names}, {n: after.get(n) for n in names}


def loss(known: int, leaving: int, share_min: float) -> str | None:
    """Why a source is not believed that lacks `leaving` of the `known`; None: it is.

    One alone may leave as long as somebody stays: the second of two people, say.
    """
    staying = known - leaving
    if not leaving or staying > share_min * known or (leaving == 1 and staying):
        return None
    return f"{leaving} of {known} are missing"
