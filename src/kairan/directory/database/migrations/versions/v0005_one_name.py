"""Addresses and domains under the one key of all their spellings (mail.key_of).

Before, `user@b\u00fccher.test` and `user@xn--bcher-kva.test` were two, and so were NFC and NFD, and a
local part with needless quotes.  Where both spellings are in use the newer one stays as it is: nobody
is merged with anybody.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from kairan.mail.address import key_of, parse_address

revision = "0005"
down_revision = "0004"

# Tables whose rows hang on an account's, mailbox's or group's row: (table, column).
_HEADS = (("account", "address"), ("mailbox", "address"), ("distribution_group", "address"))
_BRANCHES = {
    "account_app": ("account",),
    "group_list": ("group_address", "address"),
    "member": ("group_address", "address"),
}
_ALL = {
    "account_app": ("account", "app"),
    "group_list": ("group_address", "role", "address"),
    "member": ("group_address", "address"),
}
_UPDATE = "UPDATE {table} SET {column} = :new WHERE {column} = :old"
_TEXTS = (("account", "reply_to"), ("organisation", "postmaster"), ("device_login", "account"))


def upgrade() -> None:
    connection = op.get_bind()
    changed = _changed(connection)
    _move_domains(connection)
    if changed:
        _move_addresses(connection, changed)


def _odd(connection: sa.Connection, table: str, column: str) -> Iterable[str]:
    """Those that may have another key: beyond ASCII, or in quotes.  Hardly ever any."""
    name: sa.ColumnClause[str] = sa.column(column, sa.String)
    beyond = (
        name.bool_op("~")("[^\x01-\x7f]")
        if connection.dialect.name == "postgresql"
        else name.bool_op("GLOB")("*[^\x01-\x7f]*")
    )
    query = sa.select(name).select_from(sa.table(table)).where(beyond | name.like('"%')).distinct()
    return connection.execute(query).scalars().all()


def _changed(connection: sa.Connection) -> dict[str, str]:
    places = (("address", "key"), ("member", "address"), *_TEXTS)
    old = {text for place in places for text in _odd(connection, *place)}
    new = {text: key_of(parse_address(text, utf8=True) or text) for text in old}
    known = set(connection.execute(sa.text("SELECT key FROM address")).scalars()) if new else set()
    taken: set[str] = set()
    changed: dict[str, str] = {}
    for text, key in sorted(new.items()):
        if text != key and key not in known | taken:
            taken.add(key)
            changed[text] = key
    return changed


def _move_domains(connection: sa.Connection) -> None:
    known = set(connection.execute(sa.text("SELECT domain FROM accepted_domain")).scalars())
    for old in _odd(connection, "accepted_domain", "domain"):
        new = key_of(old)
        if new == old:
            continue
        if new not in known:
            connection.execute(sa.text("INSERT INTO accepted_domain VALUES(:n)"), {"n": new})
        connection.execute(sa.text("DELETE FROM accepted_domain WHERE domain = :o"), {"o": old})


def _move_addresses(connection: sa.Connection, changed: dict[str, str]) -> None:
    """New rows first, then what hangs on them, then the old ones go: keys are never left hanging."""

    def run(statement: str, **values: str) -> None:
        connection.execute(sa.text(statement), values)

    for old, new in changed.items():
        run(
            "INSERT INTO address(key, kind, owner) SELECT :new, kind, owner FROM address"
            " WHERE key = :old",
            old=old,
            new=new,
        )
    branches = {table: _taken_off(connection, table, changed) for table in _BRANCHES}
    for old, new in changed.items():
        for table, column in (*_HEADS, *_TEXTS):
            run(_UPDATE.format(table=table, column=column), old=old, new=new)
        run("UPDATE address SET owner = :new WHERE owner = :old", old=old, new=new)
    for table, rows in branches.items():
        _put_back(connection, table, rows, changed)
    for old in changed:
        run("DELETE FROM address WHERE key = :old", old=old)


def _taken_off(
    connection: sa.Connection, table: str, changed: dict[str, str]
) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for old in changed:
        of_table = sa.table(table, *map(sa.column, _ALL[table]))
        hangs = sa.or_(*(of_table.c[column] == old for column in _BRANCHES[table]))
        rows += [
            dict(row) for row in connection.execute(sa.select(of_table).where(hangs)).mappings()
        ]
        connection.execute(sa.delete(of_table).where(hangs))
    return rows


def _put_back(
    connection: sa.Connection, table: str, rows: list[dict[str, str]], changed: dict[str, str]
) -> None:
    for row in rows:
        moved = {
            column: changed.get(text, text) if column in _BRANCHES[table] else text
            for column, text in row.items()
        }
        connection.execute(sa.insert(sa.table(table, *map(sa.column, moved))).values(moved))
