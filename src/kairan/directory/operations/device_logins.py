"""Device logins in the store: where the issuer and the administrator's console meet.

They change no revision: workers need not look because somebody asked for a code.
"""

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DeviceLogin
from kairan.directory.operations import names
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text

# Anybody who knows a client id may ask for one.  So many of one app may wait at one address; who
# asks for more waits for them to expire, and nobody else does.
WAITING_MAX = 100
# In all, about 200 octets each: with more the oldest of the address that has most makes room.
WAITING_ALL_MAX = 10_000


class DeviceLogins:
    """`directory.device_logins`.  A device code is known by its hash alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, device_hash: str, login: DeviceLogin, *, now: int) -> bool:
        """False: too many of this app are waiting at this address."""
        table = schema.device_login
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.expires <= now))
            same = (table.c.source == login.source, table.c.client_id == login.client_id)
            if _count(connection, *same) >= WAITING_MAX:
                return False
            if _count(connection) >= WAITING_ALL_MAX:
                _make_room(connection)
            connection.execute(
                insert(table).values(
                    device_hash=device_hash,
                    user_code=login.user_code,
                    client_id=login.client_id,
                    expires=login.expires,
                    account="",
                    source=login.source,
                )
            )
            return True

    def find(self, device_hash: str) -> DeviceLogin | None:
        with self._database.reading() as connection:
            return _found(connection, schema.device_login.c.device_hash == device_hash)

    def take(self, device_hash: str) -> bool:
        """Uses it up; False where somebody else already has."""
        table = schema.device_login
        with self._database.writing() as connection:
            gone = connection.execute(delete(table).where(table.c.device_hash == device_hash))
            return gone.rowcount == 1

    def approve(self, user_code: str, account: str, *, now: int) -> DeviceLogin:
        table = schema.device_login
        with self._database.writing() as connection:
            login = _found(connection, table.c.user_code == user_code)
            if login is None or login.expires <= now:
                raise DirectoryError(
                    Text(
                        f"no login with the code {user_code} is waiting; codes live a quarter of an"
                        " hour: have the application ask for a new one",
                        f"コード {user_code} で待機しているログインはありません。有効期間は 15 分です。アプリケーションで新しいコードを発行してください",
                    )
                )
            primary = names.primary(connection, account, AddressKind.ACCOUNT)
            its_row = table.c.user_code == user_code
            connection.execute(update(table).where(its_row).values(account=primary))
            return replace(login, account=primary)


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(schema.device_login).where(*conditions)
    return connection.execute(query).scalar_one()


def _make_room(connection: Connection) -> None:
    """One less of the address that has most; an approved one goes last."""
    table = schema.device_login.c
    number = func.count()
    by_source = select(table.source).group_by(table.source).order_by(number.desc()).limit(1)
    most = connection.execute(by_source).scalar_one()
    query = (
        select(table.device_hash)
        .where(table.source == most)
        .order_by(table.account != "", table.expires)
        .limit(1)
    )
    oldest = connection.execute(query).scalar_one()
    connection.execute(delete(schema.device_login).where(table.device_hash == oldest))


def _found(connection: Connection, condition: ColumnElement[bool]) -> DeviceLogin | None:
    table = schema.device_login.c
    query = select(table.user_code, table.client_id, table.expires, table.account, table.source)
    row = connection.execute(query.where(condition)).first()
    return None if row is None else DeviceLogin(*row)
