"""Accounts in the store."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TypedDict

from sqlalchemy import Connection, delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account
from kairan.directory.operations import lists, names, volumes
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text
from kairan.runtime.ip import parse_network

APPS_MAX = 10  # Add-HVEAppAccess on Microsoft Learn: ten applications an account


class AccountFields(TypedDict, total=False):
    """What can be set on an account; names and meanings as in `Account`."""

    password_hash: str
    aliases: Iterable[str]
    display_name: str
    reply_to: str
    enabled: bool
    allowed_apps: Iterable[str]
    policy: str
    messages_per_minute: int | None
    connections_max: int | None
    smtp_client_authentication_disabled: bool | None
    networks: Iterable[str]
    recipients_per_minute: int | None


_COLUMNS = (
    "password_hash",
    "display_name",
    "reply_to",
    "enabled",
    "policy",
    "messages_per_minute",
    "connections_max",
    "smtp_client_authentication_disabled",
    "recipients_per_minute",
)
_DEFAULTS: AccountFields = {
    "password_hash": "",
    "display_name": "",
    "reply_to": "",
    "enabled": True,
    "policy": "",
    "messages_per_minute": None,
    "connections_max": None,
    "smtp_client_authentication_disabled": None,
    "recipients_per_minute": None,
}
_NOTHING_YET = {"networks": "", "held_since": 0, "released_until": 0}


def add(connection: Connection, address: str, fields: AccountFields) -> None:
    primary = names.key(address)
    names.register(connection, AddressKind.ACCOUNT, primary, names.keys(fields.get("aliases", ())))
    values = {**_DEFAULTS, **_columns(fields)}
    row = {"id": next(_free_ids(connection)), "address": primary, **values}
    row["credential_version"] = _present_version(connection)
    connection.execute(insert(schema.account).values(row))
    _replace_apps(connection, primary, fields.get("allowed_apps", ()))


def add_many(connection: Connection, wanted: Mapping[str, AccountFields]) -> None:
    """In a handful of statements; by primary address, all of whose names have been found free."""
    ids = _free_ids(connection)
    version = _present_version(connection)
    empty = dict.fromkeys(column.name for column in schema.account.columns)
    rows, addresses, apps = [], [], []
    for primary, fields in wanted.items():
        values = {**empty, **_NOTHING_YET, **_DEFAULTS, **_columns(fields)}
        values |= {"id": next(ids), "address": primary, "credential_version": version}
        rows.append(values)
        everything = {primary, *fields.get("aliases", ())}
        addresses += [names.row(one, AddressKind.ACCOUNT, primary) for one in everything]
        allowed = _apps(primary, fields.get("allowed_apps", ()))
        apps += [{"account": primary, "app": app} for app in allowed]
    insert_rows(connection, schema.address, addresses)
    insert_rows(connection, schema.account, rows)
    insert_rows(connection, schema.account_app, apps)


def change(connection: Connection, address: str, fields: AccountFields) -> str:
    primary = names.primary(connection, address, AddressKind.ACCOUNT)
    if "aliases" in fields:
        names.replace_aliases(
            connection, AddressKind.ACCOUNT, primary, names.keys(fields["aliases"])
        )
    if "allowed_apps" in fields:
        _replace_apps(connection, primary, fields["allowed_apps"])
    values = _columns(fields)
    if "password_hash" in fields:
        values["credential_version"] = _present_version(connection)
    if values:
        table = schema.account
        connection.execute(update(table).where(table.c.address == primary).values(values))
    return primary


def rehash(connection: Connection, address: str, old_hash: str, new_hash: str) -> bool:
    """Its credential stays the same, so held sessions go on."""
    table = schema.account
    its_row = (table.c.address == names.key(address), table.c.password_hash == old_hash)
    changed = connection.execute(update(table).where(*its_row).values(password_hash=new_hash))
    return changed.rowcount == 1


def remove(connection: Connection, address: str) -> None:
    primary = names.primary(connection, address, AddressKind.ACCOUNT)
    lists.forget(connection, primary)
    _replace_apps(connection, primary, ())
    volumes.forget(connection, primary)
    connection.execute(delete(schema.account).where(schema.account.c.address == primary))
    names.unregister(connection, primary)


def everyone(connection: Connection) -> list[Account]:
    """All accounts, by address: an organisation has hundreds at most."""
    query = select(schema.account).order_by(schema.account.c.address)
    rows = connection.execute(query).mappings().all()
    aliases = names.aliases_of(connection, [row["address"] for row in rows])
    apps: dict[str, set[str]] = {}
    for account, app in connection.execute(select(schema.account_app)):
        apps.setdefault(account, set()).add(app)
    return [
        Account(
            **{**row, "networks": tuple(row["networks"].split())},
            aliases=aliases.get(row["address"], frozenset()),
            allowed_apps=frozenset(apps.get(row["address"], ())),
        )
        for row in rows
    ]


def _columns(fields: AccountFields) -> dict[str, object]:
    values = {name: value for name, value in fields.items() if name in _COLUMNS}
    if "display_name" in fields:
        names.line("displayName", fields["display_name"])
    if reply_to := fields.get("reply_to"):
        values["reply_to"] = names.key(reply_to)
    if "networks" in fields:
        values["networks"] = " ".join(networks(fields["networks"]))
    for name in ("messages_per_minute", "recipients_per_minute", "connections_max"):
        limit = values.get(name)
        if isinstance(limit, int) and limit < 1:
            raise DirectoryError(
                Text(
                    f"{name} must be at least 1, not {limit}; disable the account to stop it",
                    f"{name} は 1 以上にしてください（{limit} は指定できません）。送信を止めるにはアカウントを無効にしてください",
                )
            )
    return values


def networks(texts: Iterable[str]) -> tuple[str, ...]:
    """As an account has them."""
    return tuple(_network(text) for text in texts)


def _network(text: str) -> str:
    try:
        return str(parse_network(text.strip()))
    except ValueError as error:
        raise DirectoryError(
            Text(
                f"{text!r} is no network; write it as 192.0.2.0/24 or 2001:db8::/32, without bits"
                " behind the prefix, or as one address",
                f"{text!r} はネットワークではありません。192.0.2.0/24 や 2001:db8::/32 のように（ホスト部は 0 に）、または 1 つのアドレスで指定してください",
            )
        ) from error


def _present_version(connection: Connection) -> int:
    """Of this change: `Database.changing` has counted it already."""
    version: int = connection.execute(select(schema.revision.c.version)).scalar_one()
    return version


def _free_ids(connection: Connection) -> Iterator[int]:
    """The smallest that are free: ids index a table of counters, so they must stay small."""
    taken = set(connection.execute(select(schema.account.c.id)).scalars())
    return (number for number in count(1) if number not in taken)


def _apps(account: str, apps: Iterable[str]) -> list[str]:
    wanted = sorted({app.strip().lower() for app in apps})
    if len(wanted) > APPS_MAX:
        raise DirectoryError(
            Text(
                f"{account}: at most {APPS_MAX} apps an account, not {len(wanted)}",
                f"{account}: アプリは 1 アカウントにつき {APPS_MAX} 個までです（{len(wanted)} 個が指定されました）",
            )
        )
    return wanted


def check(address: str, fields: AccountFields) -> None:
    """Raises what `add` would say of the fields themselves."""
    _columns(fields)
    _apps(address, fields.get("allowed_apps", ()))


def _replace_apps(connection: Connection, account: str, apps: Iterable[str]) -> None:
    table = schema.account_app
    wanted = _apps(account, apps)
    connection.execute(delete(table).where(table.c.account == account))
    if wanted:
        rows = [{"account": account, "app": app} for app in wanted]
        connection.execute(insert(table), rows)
