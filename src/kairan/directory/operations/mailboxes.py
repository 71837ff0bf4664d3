"""Mailboxes in the store."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypedDict

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from kairan.directory.database import schema
from kairan.directory.database.database import BATCH_ROWS
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.directory.operations import lists, members, names
from kairan.directory.operations.names import AddressKind
from kairan.directory.recipient_filter.properties import is_outside, recipient_type
from kairan.mail.address import key_of

ATTRIBUTES: Mapping[str, str] = {name.lower(): name for name in MAILBOX_ATTRIBUTES}
"""The attributes' own spelling by lower case, which is also their column."""


class MailboxFields(TypedDict, total=False):
    """What can be set on a mailbox.  `attributes`: those named change, an empty text unsets."""

    display_name: str
    aliases: Iterable[str]
    hidden: bool
    attributes: Mapping[str, str]
    country_code: int | None
    recipient_type: str
    enabled: bool
    source: str
    source_id: str


def add(connection: Connection, address: str, fields: MailboxFields) -> None:
    primary = names.key(address)
    values: dict[str, object] = {**new_row(), **_columns(fields)}
    if not values["enabled"]:
        values["disabled_since"] = int(time.time())
    names.register(
        connection,
        AddressKind.MAILBOX,
        primary,
        names.keys(fields.get("aliases", ())),
        is_outside=is_outside(str(values["recipient_type"])),
    )
    connection.execute(insert(schema.mailbox).values(address=primary, **values))


def change(connection: Connection, address: str, fields: MailboxFields) -> str:
    primary = names.primary(connection, address, AddressKind.MAILBOX)
    before = next(_page(connection, schema.mailbox.c.address == primary))
    values = _columns(fields)
    outside = is_outside(str(values.get("recipient_type", before.recipient_type)))
    if "recipient_type" in values and not outside:
        domains = names.accepted_domains(connection)
        for one in sorted({primary, *before.aliases}):
            names.check_domain(one, domains)
    if "aliases" in fields:
        aliases = names.keys(fields["aliases"])
        names.replace_aliases(connection, AddressKind.MAILBOX, primary, aliases, is_outside=outside)
    if "enabled" in values:
        values["disabled_since"] = disabled_since(
            before.disabled_since, is_enabled=bool(values["enabled"])
        )
    if values:
        table = schema.mailbox
        connection.execute(update(table).where(table.c.address == primary).values(values))
    return primary


def new_row() -> dict[str, object]:
    """What a mailbox is of which nothing else is said."""
    return {
        "display_name": "",
        "hidden": False,
        "when_created": int(time.time()),
        "recipient_type": "UserMailbox",
        "enabled": True,
        "source": "",
        "source_id": "",
    }


def disabled_since(before: int | None, *, is_enabled: bool) -> int | None:
    """Since the first time that it was said."""
    return None if is_enabled else before or int(time.time())


def rename(connection: Connection, address: str, new: str) -> str:
    """It keeps all the addresses that it had, the one before among them, and its memberships."""
    before = names.primary(connection, address, AddressKind.MAILBOX)
    after = names.key(new)
    if after == before:
        return before
    table = schema.mailbox
    row = dict(connection.execute(select(table).where(table.c.address == before)).mappings().one())
    own = names.owners(connection, [after]).get(after)
    if own != (AddressKind.MAILBOX, before):
        outside = is_outside(row["recipient_type"])
        names.register(connection, AddressKind.MAILBOX, after, (), is_outside=outside)
    names.mark_former(connection, [after], is_former=False)  # a name of before may come back
    connection.execute(insert(table).values(row | {"address": after}))
    owner = schema.address.c.owner
    connection.execute(update(schema.address).where(owner == before).values(owner=after))
    for held in (schema.member, schema.group_list):
        connection.execute(update(held).where(held.c.address == before).values(address=after))
    connection.execute(delete(table).where(table.c.address == before))
    return after


def remove(connection: Connection, address: str) -> None:
    primary = names.primary(connection, address, AddressKind.MAILBOX)
    lists.forget(connection, primary)
    members.forget(connection, primary)
    connection.execute(delete(schema.mailbox).where(schema.mailbox.c.address == primary))
    names.unregister(connection, primary)


def one(connection: Connection, address: str) -> Mailbox | None:
    known = names.owners(connection, [names.key(address)])
    for _, owner in known.values():
        return next(_page(connection, schema.mailbox.c.address == owner), None)
    return None


def where(connection: Connection, condition: ColumnElement[bool]) -> list[Mailbox]:
    """At most a batch (`names.batches`) may fit."""
    return list(_page(connection, condition))


def matching(
    connection: Connection, *, search: str = "", attributes: Mapping[str, str] | None = None
) -> Iterator[Mailbox]:
    """By address, a page at a time.  Compares without regard to case, as Exchange does."""
    wanted = [_equals(name, value) for name, value in (attributes or {}).items()]
    if search:
        columns = (schema.mailbox.c.address, schema.mailbox.c.display_name)
        # Part of a name as it is written, or of an address as it is kept.
        needles = {search.lower(), key_of(search)}
        found = (func.lower(c).contains(n, autoescape=True) for c in columns for n in needles)
        wanted.append(or_(*found))
    last = ""
    while page := list(_page(connection, schema.mailbox.c.address > last, *wanted)):
        yield from page
        last = page[-1].address


def _page(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[Mailbox]:
    query = select(schema.mailbox).where(*conditions).order_by(schema.mailbox.c.address)
    rows = connection.execute(query.limit(BATCH_ROWS)).mappings().all()
    aliases = names.aliases_of(connection, [row["address"] for row in rows])
    for row in rows:
        yield _mailbox(row, aliases.get(row["address"], frozenset()))


def _mailbox(row: RowMapping, aliases: frozenset[str]) -> Mailbox:
    values = ((name, row[column]) for column, name in ATTRIBUTES.items())
    return Mailbox(
        address=row["address"],
        display_name=row["display_name"],
        aliases=aliases,
        hidden=row["hidden"],
        attributes={name: value for name, value in values if value is not None},
        country_code=row["country_code"],
        when_created=row["when_created"],
        recipient_type=row["recipient_type"],
        enabled=row["enabled"],
        disabled_since=row["disabled_since"],
        source=row["source"],
        source_id=row["source_id"],
    )


def column_of(attribute: str) -> str:
    if attribute.lower() not in ATTRIBUTES:
        raise DirectoryError(
            f"mailboxes have no attribute {attribute!r}; there are {', '.join(MAILBOX_ATTRIBUTES)}"
        )
    return attribute.lower()


def _equals(attribute: str, value: str) -> ColumnElement[bool]:
    return func.lower(schema.mailbox.c[column_of(attribute)]) == value.lower()


def _columns(fields: MailboxFields) -> dict[str, object]:
    values: dict[str, object] = {}
    if "display_name" in fields:
        values["display_name"] = names.line("displayName", fields["display_name"])
    if "hidden" in fields:
        values["hidden"] = fields["hidden"]
    if "enabled" in fields:
        values["enabled"] = fields["enabled"]
    if "country_code" in fields:
        values["country_code"] = fields["country_code"]
    if "recipient_type" in fields:
        values["recipient_type"] = known_type(fields["recipient_type"])
    if "source" in fields:
        values["source"] = names.line("source", fields["source"])
    if "source_id" in fields:
        values["source_id"] = names.line("sourceId", fields["source_id"])
    for attribute, value in fields.get("attributes", {}).items():
        values[column_of(attribute)] = attribute_value(attribute, value)
    return values


def known_type(name: str) -> str:
    found = recipient_type(name)
    if found is None:
        raise DirectoryError(
            f"there is no recipient type {name!r}; mailboxes are UserMailbox, SharedMailbox, RoomMailbox"
            " or EquipmentMailbox, others MailContact, MailUser or GuestMailUser"
        )
    return found


def attribute_value(attribute: str, value: str) -> str | None:
    """Notes have line ends; NUL and its like are no text, and PostgreSQL takes none."""
    allowed = "\t\r\n" if attribute.lower() == "notes" else ""
    if not value.isprintable():
        names.line(attribute, "".join(letter for letter in value if letter not in allowed))
    return value or None
