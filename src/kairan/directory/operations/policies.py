"""Authentication policies in the store (New-AuthenticationPolicy and its kin)."""

from sqlalchemy import Connection, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text
from kairan.runtime.counted import counted

NO_POLICY = "none"  # where a name is expected: the organisation's default, or none at all


class Policies:
    """`directory.policies`.  What a policy says is read with the organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, *, allow_basic_auth_smtp: bool) -> None:
        names.line("the policy's name", name)
        if not name.strip() or name == NO_POLICY:
            raise DirectoryError(
                Text(
                    f'a policy cannot be called "{name}"; choose another name',
                    f"ポリシーの名前に「{name}」は使えません。別の名前にしてください",
                )
            )
        with self._database.changing(Part.HEADS) as connection:
            if name in everyone(connection):
                raise DirectoryError(
                    Text(
                        f"there is a policy {name} already; `kairan policy change` changes it",
                        f"ポリシー {name} はすでにあります。変更は `kairan policy change` で行います",
                    )
                )
            row = {"name": name, "allow_basic_auth_smtp": allow_basic_auth_smtp}
            connection.execute(insert(schema.authentication_policy).values(row))

    def change(self, name: str, *, allow_basic_auth_smtp: bool) -> None:
        table = schema.authentication_policy
        with self._database.changing(Part.HEADS) as connection:
            _check(connection, name)
            values = {"allow_basic_auth_smtp": allow_basic_auth_smtp}
            connection.execute(update(table).where(table.c.name == name).values(values))

    def assign(self, name: str, account: str) -> str:
        """The account's primary address.  Set-User -AuthenticationPolicy."""
        with self._database.changing(Part.HEADS) as connection:
            primary = names.primary(connection, account, AddressKind.ACCOUNT)
            values = {"policy": stored(connection, name)}
            its_row = schema.account.c.address == primary
            connection.execute(update(schema.account).where(its_row).values(values))
            return primary

    def set_default(self, name: str) -> None:
        """Set-OrganizationConfig -DefaultAuthenticationPolicy."""
        with self._database.changing(Part.HEADS) as connection:
            values = {"default_policy": stored(connection, name)}
            connection.execute(update(schema.organisation).values(values))

    def remove(self, name: str) -> None:
        with self._database.changing(Part.HEADS) as connection:
            _check(connection, name)
            _check_unused(connection, name)
            table = schema.authentication_policy
            connection.execute(delete(table).where(table.c.name == name))


def everyone(connection: Connection) -> dict[str, bool]:
    """AllowBasicAuthSmtp by policy."""
    table = schema.authentication_policy.c
    query = select(table.name, table.allow_basic_auth_smtp).order_by(table.name)
    return {row.name: row.allow_basic_auth_smtp for row in connection.execute(query)}


def stored(connection: Connection, name: str) -> str:
    if name == NO_POLICY:
        return ""
    _check(connection, name)
    return name


def _check(connection: Connection, name: str) -> None:
    if name not in everyone(connection):
        raise DirectoryError(
            Text(
                f"there is no policy {name}; `kairan policy list` shows them",
                f"ポリシー {name} はありません。一覧は `kairan policy list` で確認できます",
            )
        )


def _check_unused(connection: Connection, name: str) -> None:
    """Without it, those who had it would fall to the default: never by accident."""
    table = schema.account.c
    users = select(func.count()).where(table.policy == name)
    if count := connection.execute(users).scalar_one():
        raise DirectoryError(
            Text(
                f"the policy {name} is assigned to {counted(count, 'account')}; `kairan policy assign` another"
                f" one, or {NO_POLICY}, first",
                f"ポリシー {name} は {count} 件のアカウントに割り当てられています。先に別のポリシーか {NO_POLICY} を割り当ててください",
            )
        )
    if connection.execute(select(schema.organisation.c.default_policy)).scalar_one() == name:
        raise DirectoryError(
            Text(
                f"the policy {name} is the default; `kairan policy default {NO_POLICY}` first",
                f"ポリシー {name} は既定です。先に既定を変更してください",
            )
        )
