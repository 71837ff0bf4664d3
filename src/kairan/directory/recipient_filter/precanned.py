"""Precanned conditions: the filter of a dynamic group without writing one.

They become OPATH text, as in Exchange, so there is one language to read, show and compile.
Kinds of recipients are alternatives, and so are several values of one property; different
properties must all hold.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from kairan.directory.errors import DirectoryError
from kairan.outcomes.outcome import Text


class IncludedRecipients(Enum):
    ALL_RECIPIENTS = "AllRecipients"
    MAILBOX_USERS = "MailboxUsers"
    MAIL_CONTACTS = "MailContacts"
    MAIL_GROUPS = "MailGroups"
    MAIL_USERS = "MailUsers"
    RESOURCES = "Resources"


CONDITIONAL: tuple[str, ...] = (
    "Company",
    "Department",
    "StateOrProvince",
    *(f"CustomAttribute{n}" for n in range(1, 16)),
)

_MAILBOXES = ("RecipientType -eq 'UserMailbox'",)
_CONTACTS = ("RecipientType -eq 'MailContact'",)
_USERS = ("RecipientType -eq 'MailUser'",)
_GROUPS = (
    "RecipientType -eq 'MailUniversalDistributionGroup'",
    "RecipientType -eq 'MailUniversalSecurityGroup'",
    "RecipientType -eq 'MailNonUniversalGroup'",
    "RecipientType -eq 'DynamicDistributionGroup'",
)
_RESOURCES = (
    "RecipientTypeDetails -eq 'RoomMailbox'",
    "RecipientTypeDetails -eq 'EquipmentMailbox'",
)
_TYPES: Mapping[IncludedRecipients, tuple[str, ...]] = {
    IncludedRecipients.ALL_RECIPIENTS: (*_MAILBOXES, *_CONTACTS, *_USERS, *_GROUPS),
    IncludedRecipients.MAILBOX_USERS: _MAILBOXES,
    IncludedRecipients.MAIL_CONTACTS: _CONTACTS,
    IncludedRecipients.MAIL_USERS: _USERS,
    IncludedRecipients.MAIL_GROUPS: _GROUPS,
    IncludedRecipients.RESOURCES: _RESOURCES,
}


def opath(
    included: Iterable[IncludedRecipients], conditional: Mapping[str, Iterable[str]] | None = None
) -> str:
    """`conditional`: the values by property, "Department" for -ConditionalDepartment."""
    kinds = list(dict.fromkeys(included))
    if not kinds:
        raise DirectoryError(
            Text(
                "say which recipients are included, for instance MailboxUsers",
                "対象の受信者の種類を指定してください（例: MailboxUsers）",
            )
        )
    if IncludedRecipients.ALL_RECIPIENTS in kinds and len(kinds) > 1:
        raise DirectoryError(
            Text(
                "AllRecipients already includes the others; give it alone",
                "AllRecipients はほかの種類を含みます。単独で指定してください",
            )
        )
    alternatives = [_either(text for kind in kinds for text in _TYPES[kind])]
    names = {name.lower(): name for name in CONDITIONAL}
    for given, values in (conditional or {}).items():
        name = names.get(given.lower())
        if name is None:
            raise DirectoryError(
                Text(
                    f"there is no condition on {given}; there are {', '.join(CONDITIONAL)},"
                    " and a filter takes every property",
                    f"{given} の条件はありません。使用できる条件: {', '.join(CONDITIONAL)}。"
                    "フィルターではすべてのプロパティを使用できます",
                )
            )
        wanted = list(dict.fromkeys(values))
        if not wanted:
            raise DirectoryError(
                Text(f"the condition on {name} has no value", f"{name} の条件に値がありません")
            )
        alternatives.append(_either(_equals(name, value) for value in wanted))
    return " -and ".join(alternatives)


def _equals(name: str, value: str) -> str:
    if "*" in value:
        raise DirectoryError(
            Text(
                f"the condition on {name} compares the whole text, {value!r} has a *;"
                f" write a filter: {name} -like '…*'",
                f"{name} の条件は全体を比較します。{value!r} には * が含まれています。"
                f"フィルターを使用してください: {name} -like '…*'",
            )
        )
    quoted = value.replace("'", "''")
    return f"{name} -eq '{quoted}'"


def _either(conditions: Iterable[str]) -> str:
    each = [f"({condition})" for condition in conditions]
    return each[0] if len(each) == 1 else f"({' -or '.join(each)})"
