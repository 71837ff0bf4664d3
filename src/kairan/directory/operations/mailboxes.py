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


def add(connection: Connection, address: str, fields: MailboxFields) -> None:
    primary = names.key(address)
    names.register(connection, AddressKind.MAILBOX, primary, names.keys(fields.get("aliases", ())))
    values: dict[str, object] = {
        "display_name": "",
        "hidden": False,
        "when_created": int(time.time()),
        **_columns(fields),
    }
    connection.execute(insert(schema.mailbox).values(address=primary, **values))


def change(connection: Connection, address: str, fields: MailboxFields) -> str:
    primary = names.primary(connection, address, AddressKind.MAILBOX)
    if "aliases" in fields:
        names.replace_aliases(
            connection, AddressKind.MAILBOX, primary, names.keys(fields["aliases"])
        )
    if values := _columns(fields):
        table = schema.mailbox
        connection.execute(update(table).where(table.c.address == primary).values(values))
    return primary


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
    if "country_code" in fields:
        values["country_code"] = fields["country_code"]
    for attribute, value in fields.get("attributes", {}).items():
        values[column_of(attribute)] = attribute_value(attribute, value)
    return values


def attribute_value(attribute: str, value: str) -> str | None:
    """Notes have line ends; NUL and its like are no text, and PostgreSQL takes none."""
    allowed = "\t\r\n" if attribute.lower() == "notes" else ""
    if not value.isprintable():
        names.line(attribute, "".join(letter for letter in value if letter not in allowed))
    return value or None
