"""Mailboxes, as `kairan mailbox` has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from kairan.console.ask import Ask, query_of
from kairan.console.entries.common import (
    ADD,
    ALIASES,
    CHANGE,
    DISPLAY_NAME,
    ENABLED,
    HIDDEN,
    REMOVE,
    address_field,
    others,
)
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.imports import IMPORT_MAILBOXES
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.outcomes.outcome import Text

_ATTRIBUTES_HINT = Text(
    "One NAME=VALUE a line, such as department=Sales; what is left out is unset",
    "1 行に 1 件の NAME=VALUE（例: department=Sales）。書かれていない属性は削除されます",
)
_FIELDS = (
    DISPLAY_NAME,
    ENABLED,
    ALIASES,
    HIDDEN,
    FormField(
        "recipient_type",
        Text("Recipient type", "受信者の種類"),
        hint=Text("As in Exchange: UserMailbox, RoomMailbox, MailContact …", "Exchange と同じ: UserMailbox、RoomMailbox、MailContact など"),
        first="UserMailbox",
    ),
    FormField("attributes", Text("Attributes", "属性"), FieldKind.LINES, _ATTRIBUTES_HINT),
)  # fmt: skip


def _values(_ask: Ask, one: Mailbox) -> dict[str, Any]:
    lines = [f"{name}={value}" for name, value in sorted(one.attributes.items())]
    return {**{field.name: getattr(one, field.name) for field in _FIELDS}, "attributes": lines}


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in given.items() if name not in {"address", "attributes"}}
    if "attributes" not in given:
        return fields
    named = dict.fromkeys(MAILBOX_ATTRIBUTES, "")
    for line in given["attributes"]:
        name, equals, value = line.partition("=")
        if not equals:
            raise DirectoryError(f"{line!r} is not NAME=VALUE, such as department=Sales")
        named[name.strip()] = value.strip()
    return {**fields, "attributes": named}


def _everyone(ask: Ask, search: str) -> Iterable[Mailbox]:
    return ask.parts.directory.mailboxes(search=search)


def _facts(ask: Ask, one: Mailbox) -> list[tuple[str, str]]:
    return [
        ("display_name", one.display_name),
        ("state", ask.texts["on" if one.enabled else "off"]),
        ("aliases", ", ".join(sorted(one.aliases))),
        ("recipient_type", one.recipient_type),
        ("from_source", one.source),
    ]


def _lists(ask: Ask, one: Mailbox) -> list[tuple[str, list[str]]]:
    return [("attributes", _values(ask, one)["attributes"])]


def _links(_ask: Ask, one: Mailbox) -> list[tuple[str, str]]:
    return [("its_messages", f"messages?{query_of({'to': one.address, 'since': '7d'})}")]


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    directory = ask.parts.directory
    fields = _fields(given)
    fields["attributes"] = {
        name: text for name, text in fields.get("attributes", {}).items() if text
    }
    directory.add_mailbox(given["address"], **fields)
    added = directory.mailbox(given["address"])
    assert added is not None, "just added"
    return Changed(added.address)


def _set(ask: Ask, one: Mailbox, given: Mapping[str, Any]) -> Changed:
    wanted = _fields(others(given, _values(ask, one)))
    if wanted:
        ask.parts.directory.set_mailbox(one.address, **wanted)
    return Changed(one.address)


def _remove(ask: Ask, one: Mailbox, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.remove_mailbox(one.address)
    return Changed("")


_REMOVE_NOTE = Text(
    "Its memberships in groups go with it. This cannot be undone.",
    "グループのメンバーシップも削除されます。この操作は元に戻せません。",
)
MAILBOXES = EntryKind(
    "mailboxes",
    "mailbox",
    (
        ("display_name", lambda _, one: one.display_name),
        ("state", lambda ask, one: ask.texts["on" if one.enabled else "off"]),
        ("recipient_type", lambda _, one: one.recipient_type),
        ("department", lambda _, one: one.attributes.get("department", "")),
    ),
    _everyone,
    lambda ask, name: ask.parts.directory.mailbox(name) if "@" in name else None,
    lambda one: one.address,
    _facts,
    _values,
    (
        EntryChange("add", ADD, "mailbox.add", _add, (address_field(Text("Address", "アドレス")), *_FIELDS), of_one=False),
        IMPORT_MAILBOXES,
        EntryChange("set", CHANGE, "mailbox.set", _set, _FIELDS, now=_values),
        EntryChange("remove", REMOVE, "mailbox.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    lists=_lists,
    links=_links,
)  # fmt: skip
