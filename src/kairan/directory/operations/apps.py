"""Apps in the store: who may ask our issuer for tokens.

Of each the snapshot knows its ids and whether it is on: a token carries the rest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part
from kairan.directory.errors import DirectoryError
from kairan.directory.model import App, AppSecret, RegisteredApp
from kairan.directory.operations import names
from kairan.directory.operations.accounts import APPS_MAX
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text

# The one in use and the one before, while it is carried to where the app runs.
SECRETS_MAX = 2


class AppFields(TypedDict, total=False):
    """What can be changed of an app; names and meanings as in `App`."""

    permissions: Iterable[str]
    enabled: bool


class Apps:
    """`directory.apps`.  An app is found by its name or either of its ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, app: App, *, accounts: Iterable[str] = ()) -> None:
        """`accounts` allow the app from now on."""
        names.name("the app's name", app.name)
        with self._database.changing(Part.HEADS) as connection:
            if _row(connection, app.name) is not None:
                raise DirectoryError(
                    Text(
                        f"there is an app {app.name} already; choose another name",
                        f"アプリ {app.name} はすでにあります。別の名前にしてください",
                    )
                )
            connection.execute(insert(schema.app).values(_values(app)))
            _replace_secrets(connection, app.client_id, app.secrets)
            _allow(connection, app.object_id, accounts)

    def change(self, name: str, **fields: Unpack[AppFields]) -> App:
        values: dict[str, object] = dict(fields)
        if "permissions" in fields:
            values["permissions"] = _joined(fields["permissions"])
        with self._database.changing(Part.HEADS) as connection:
            app = _existing(connection, name)
            if values:
                its_row = schema.app.c.client_id == app.client_id
                connection.execute(update(schema.app).where(its_row).values(values))
            return _existing(connection, app.client_id)

    def allow(self, name: str, accounts: Iterable[str]) -> App:
        """Puts the app on the accounts' lists of allowed apps."""
        with self._database.changing(Part.HEADS) as connection:
            app = _existing(connection, name)
            _allow(connection, app.object_id, accounts)
            return app

    def forbid(self, name: str, accounts: Iterable[str]) -> App:
        with self._database.changing(Part.HEADS) as connection:
            app = _existing(connection, name)
            table = schema.account_app.c
            for account in accounts:
                primary = names.primary(connection, account, AddressKind.ACCOUNT)
                where = (table.account == primary, table.app == app.object_id)
                connection.execute(delete(schema.account_app).where(*where))
            return app

    def replace_secret(
        self, name: str, secret_hash: str, *, old_until: int | None, now: int
    ) -> App:
        """A new secret; the newest of the old ones is valid until `old_until` (None: ends now)."""
        with self._database.changing() as connection:
            app = _existing(connection, name)
            old = [secret for secret in app.secrets if (secret.expires or now + 1) > now]
            kept = [
                AppSecret(secret.hash, min(secret.expires or old_until, old_until))
                for secret in old[-1:]
                if old_until is not None
            ]
            _replace_secrets(connection, app.client_id, (*kept, AppSecret(secret_hash)))
            return _existing(connection, app.client_id)

    def remove(self, name: str) -> App:
        """Off the accounts' lists, too."""
        with self._database.changing(Part.HEADS) as connection:
            app = _existing(connection, name)
            client_id = app.client_id
            logins, allowed = schema.device_login, schema.account_app
            connection.execute(delete(allowed).where(allowed.c.app == app.object_id))
            connection.execute(delete(logins).where(logins.c.client_id == client_id))
            _replace_secrets(connection, client_id, ())
            connection.execute(delete(schema.app).where(schema.app.c.client_id == client_id))
            return app

    def find(self, name: str) -> App | None:
        with self._database.reading() as connection:
            return _row(connection, name)

    def client(self, client_id: str) -> App | None:
        """By the id alone: what a stranger shows is never taken for a name."""
        with self._database.reading() as connection:
            app = _row(connection, client_id)
            return app if app is not None and app.client_id == client_id else None

    def everyone(self) -> Sequence[App]:
        with self._database.reading() as connection:
            query = select(schema.app).order_by(schema.app.c.name)
            return [_app(connection, row) for row in connection.execute(query).all()]

    def accounts_of(self, app: App) -> Sequence[str]:
        """Which accounts allow it."""
        table = schema.account_app.c
        query = select(table.account).where(table.app == app.object_id).order_by(table.account)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def registered(connection: Connection) -> dict[str, RegisteredApp]:
    """By client id, as tokens name it."""
    table = schema.app.c
    query = select(table.client_id, table.object_id, table.enabled)
    return {
        client_id.lower(): RegisteredApp(object_id.lower(), enabled)
        for client_id, object_id, enabled in connection.execute(query)
    }


def _row(connection: Connection, name: str) -> App | None:
    table = schema.app.c
    found = or_(table.name == name, table.client_id == name, table.object_id == name)
    row = connection.execute(select(schema.app).where(found)).first()
    return None if row is None else _app(connection, row)


def _existing(connection: Connection, name: str) -> App:
    app = _row(connection, name)
    if app is None:
        raise DirectoryError(
            Text(
                f"there is no app {name}; `kairan app list` shows them",
                f"アプリ {name} はありません。一覧は `kairan app list` で確認できます",
            )
        )
    return app


def _app(connection: Connection, row: Row[*tuple[Any, ...]]) -> App:
    client_id, object_id, name, permissions, enabled = row
    table = schema.app_secret.c
    # The newest last: it never expires, those before do.
    query = (
        select(table.hash, table.expires)
        .where(table.client_id == client_id)
        .order_by(table.expires.is_(None), table.expires)
    )
    secrets = tuple(AppSecret(*secret) for secret in connection.execute(query))
    return App(name, client_id, object_id, frozenset(permissions.split()), enabled, secrets)


def _values(app: App) -> dict[str, object]:
    return {
        "client_id": app.client_id,
        "object_id": app.object_id,
        "name": app.name,
        "permissions": _joined(app.permissions),
        "enabled": app.enabled,
    }


def _joined(permissions: Iterable[str]) -> str:
    wanted = sorted(set(permissions))
    for permission in wanted:
        # RFC 6749 section 3.3: a scope-token is printable ASCII without quote and backslash.
        if (
            not permission.isascii()
            or not permission.isprintable()
            or set(permission) & set(' "\\')
        ):
            raise DirectoryError(
                Text(
                    f"{permission!r} is not a permission such as Mail.Send",
                    f"{permission!r} は Mail.Send のようなアクセス許可ではありません",
                )
            )
    return " ".join(wanted)


def _replace_secrets(connection: Connection, client_id: str, secrets: Sequence[AppSecret]) -> None:
    table = schema.app_secret
    connection.execute(delete(table).where(table.c.client_id == client_id))
    for secret in secrets[-SECRETS_MAX:]:
        row = {"hash": secret.hash, "client_id": client_id, "expires": secret.expires}
        connection.execute(insert(table).values(row))


def _allow(connection: Connection, object_id: str, accounts: Iterable[str]) -> None:
    table = schema.account_app
    for account in accounts:
        primary = names.primary(connection, account, AddressKind.ACCOUNT)
        query = select(table.c.app).where(table.c.account == primary)
        allowed = set(connection.execute(query).scalars())
        if object_id in allowed:
            continue
        if len(allowed) >= APPS_MAX:
            raise DirectoryError(
                f"{primary} allows {APPS_MAX} apps already, and that is the most;"
                " take one off its list with `kairan app set APP --forbid ACCOUNT`"
            )
        connection.execute(insert(table).values(account=primary, app=object_id))
