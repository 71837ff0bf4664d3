"""Administrators who sign in to the console with a password; their hashes alone are known here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names

# People, not mailboxes: a large help desk.
CONSOLE_USERS_MAX = 1_000
NAME_CHARACTERS_MAX = 64
# How the names of people begin whom an identity provider vouches for: nobody here has such a name.
VOUCHED_BEGINS = "oidc:"


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    name: str
    role: str  # of ConsoleRole
    password_hash: str = field(repr=False)
    created: int  # seconds since the epoch


class ConsoleUsers:
    """`directory.console_users`.  In no snapshot: only the console asks for them, at each request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: ConsoleUser) -> None:
        names.line("the user's name", user.name)
        if not user.name or len(user.name) > NAME_CHARACTERS_MAX or user.name != user.name.strip():
            raise DirectoryError(
                f"a user's name has 1 to {NAME_CHARACTERS_MAX} characters, none of them a blank at its ends"
            )
        if user.name.lower().startswith(VOUCHED_BEGINS):
            raise DirectoryError(
                f"names that begin with {VOUCHED_BEGINS} are those of an identity provider; choose another"
            )
        table = schema.console_user
        with self._database.changing() as connection:
            known = set(connection.execute(select(table.c.name)).scalars())
            if user.name in known:
                raise DirectoryError(
                    f"there is a user {user.name} already; `kairan console user password` changes the password"
                )
            if len(known) >= CONSOLE_USERS_MAX:
                raise DirectoryError(
                    f"there are {len(known)} users, which is the most; remove one first"
                )
            connection.execute(
                insert(table).values(
                    name=user.name,
                    role=user.role,
                    password_hash=user.password_hash,
                    created=user.created,
                )
            )

    def everyone(self) -> Sequence[ConsoleUser]:
        table = schema.console_user
        with self._database.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.name))
            return [ConsoleUser(**row) for row in rows.mappings()]

    def find(self, name: str) -> ConsoleUser | None:
        table = schema.console_user
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
        return None if row is None else ConsoleUser(**row)

    def set_password(self, name: str, password_hash: str) -> None:
        table = schema.console_user
        with self._database.changing() as connection:
            here = table.c.name == name
            changed = connection.execute(
                update(table).where(here).values(password_hash=password_hash)
            )
            if not changed.rowcount:
                raise _unknown(name)

    def remove(self, name: str) -> None:
        table = schema.console_user
        with self._database.changing() as connection:
            gone = connection.execute(delete(table).where(table.c.name == name))
            if not gone.rowcount:
                raise _unknown(name)


def _unknown(name: str) -> DirectoryError:
    return DirectoryError(f"there is no user {name}; `kairan console user list` shows them")
