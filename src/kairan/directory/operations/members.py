"""Who is in a group: addresses by the hundred thousand, never all in memory at once."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, Delete, Select, delete, select

from kairan.directory.database import schema
from kairan.directory.database.database import BATCH_ROWS, insert_rows, one_of
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import dynamic_rows, names
from kairan.directory.operations.names import AddressKind
from kairan.mail.address import Address, domain_of
from kairan.outcomes.outcome import Text


def add(connection: Connection, group: str, addresses: Iterable[str]) -> int:
    """Returns how many are new; who is a member already stays one."""
    head = names.primary(connection, group, AddressKind.GROUP)
    dynamic_rows.check_static(connection, head)
    rules = _Rules(connection, head)
    added = 0
    for batch in names.batches(addresses):
        wanted = rules.primaries(connection, [names.key(text) for text in batch])
        new = wanted - _present(connection, head, wanted)
        insert_rows(
            connection, schema.member, [{"group_address": head, "address": item} for item in new]
        )
        added += len(new)
    return added


def remove(connection: Connection, group: str, addresses: Iterable[str]) -> int:
    """Returns how many went.  Who is no member is an error: it may be a slip of the pen."""
    head = names.primary(connection, group, AddressKind.GROUP)
    dynamic_rows.check_static(connection, head)
    removed = 0
    for batch in names.batches(addresses):
        wanted = {names.key(text) for text in batch}
        known = names.owners(connection, wanted)
        primaries = {known[item][1] if item in known else item for item in wanted}
        for missing in sorted(primaries - _present(connection, head, primaries)):
            raise DirectoryError(
                Text(
                    f"{missing} is not a member of {head}",
                    f"{missing} は {head} のメンバーではありません",
                )
            )
        connection.execute(
            _delete(head).where(one_of(connection, schema.member.c.address, primaries))
        )
        removed += len(primaries)
    return removed


def discard(connection: Connection, group: str, addresses: Iterable[str]) -> None:
    """Who is no member is none afterwards: for those who say what is to be, not what to do."""
    for batch in names.batches(addresses):
        connection.execute(_delete(group).where(one_of(connection, schema.member.c.address, batch)))


def stream(connection: Connection, group: str) -> Iterator[Sequence[str]]:
    head = names.primary(connection, group, AddressKind.GROUP)
    column = schema.member.c.address
    mine = select(column).where(schema.member.c.group_address == head)
    last = ""
    while chunk := _next(connection, mine.where(column > last).order_by(column)):
        yield chunk
        last = chunk[-1]


def drop(connection: Connection, group: str) -> None:
    connection.execute(_delete(group))


def forget(connection: Connection, address: str) -> None:
    """Takes an address that is going away out of all groups."""
    connection.execute(delete(schema.member).where(schema.member.c.address == address))


class _Rules:
    """What may be a member of this group, looked up once for all batches."""

    def __init__(self, connection: Connection, group: str) -> None:
        self._group = group
        self._domains = names.accepted_domains(connection)
        allowed = select(schema.organisation.c.external_recipients_allowed)
        self._external = bool(connection.execute(allowed).scalar())

    def primaries(self, connection: Connection, wanted: Sequence[str]) -> set[str]:
        known = names.owners(connection, wanted)
        return {self._primary(item, known.get(item)) for item in wanted}

    def _primary(self, address: str, found: tuple[AddressKind, str] | None) -> str:
        if found is None:
            self._check_external(address)
            return address
        kind, owner = found
        if domain_of(Address(owner)) not in self._domains and not self._external:
            raise self._refused_external(owner)
        if kind is AddressKind.ACCOUNT:
            raise DirectoryError(
                Text(
                    f"{address} is an account: it has no mailbox, so it cannot be a member",
                    f"{address} はアカウントで、メールボックスがないためメンバーにできません",
                ),
                about=address,
            )
        if owner == self._group:
            said = Text(
                f"{self._group} cannot be a member of itself",
                f"{self._group} を自分自身のメンバーにはできません",
            )
            raise DirectoryError(said, about=address)
        return owner

    def _check_external(self, address: str) -> None:
        if domain_of(Address(address)) in self._domains:
            said = Text(
                f"there is no mailbox or group {address}",
                f"メールボックスまたはグループ {address} はありません",
            )
            raise DirectoryError(said, about=address)
        if not self._external:
            raise self._refused_external(address)

    def _refused_external(self, address: str) -> DirectoryError:
        return DirectoryError(
            Text(
                f"{address} is outside the accepted domains, and the organisation does not allow"
                " external recipients",
                f"{address} は受け入れドメインの外にあり、組織は外部の受信者を許可していません",
            ),
            about=address,
        )


def _present(connection: Connection, group: str, wanted: Iterable[str]) -> set[str]:
    table = schema.member.c
    query = select(table.address).where(
        table.group_address == group, one_of(connection, table.address, wanted)
    )
    return set(connection.execute(query).scalars())


def _delete(group: str) -> Delete:
    return delete(schema.member).where(schema.member.c.group_address == group)


def _next(connection: Connection, query: Select[str]) -> Sequence[str]:
    return connection.execute(query.limit(BATCH_ROWS)).scalars().all()
