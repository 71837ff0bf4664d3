"""What was pushed by SCIM: a document each, as it was sent, and who is in which group.

The documents are kept beside the recipients that are made of them: a source that speaks SCIM asks
for what it sent, also for what no recipient has a place for, and for people who have no address yet.
Their memberships are kept by ids, so that somebody who gets an address later is in the groups at once.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import normalize

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part, insert_rows, one_of
from kairan.directory.operations import names


class PushedKind(StrEnum):
    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class Pushed:
    id: str  # ours, made when it came; never changes
    kind: PushedKind
    name: str  # userName or displayName, as it was sent
    document: str  # JSON without `id`, `meta` and members
    created: int  # milliseconds since the epoch
    modified: int
    external_id: str = ""  # the source's own id
    address: str = ""  # the recipient's that was made of it; empty: there is none
    emails: frozenset[tuple[str, str]] = frozenset()  # type and address; for filters alone

    @property
    def is_group(self) -> bool:
        return self.kind is PushedKind.GROUP


def folded(text: str) -> str:
    """RFC 7643 section 4.1.1: userName is compared without regard to case."""
    return normalize("NFC", text).lower()


class ScimResources:
    """`directory.scim`: several questions and changes in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def reading(self) -> Iterator["ScimRows"]:
        with self._database.reading() as connection:
            yield ScimRows(connection)

    @contextmanager
    def changing(self, *, recipients: bool) -> Iterator["ScimRows"]:
        """`recipients` False: members alone, or documents, which are in no snapshot."""
        parts = (Part.HEADS, Part.MAILBOXES) if recipients else ()
        with self._database.changing(*parts) as connection:
            yield ScimRows(connection)


class ScimRows:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def one(self, id_: str, kind: PushedKind) -> Pushed | None:
        table = schema.scim_resource.c
        query = select(schema.scim_resource).where(table.id == id_, table.kind == kind.value)
        row = self.connection.execute(query).mappings().first()
        return _pushed(row) if row is not None else None

    def named(self, name: str, kind: PushedKind) -> str | None:
        """The id of who has this name already."""
        table = schema.scim_resource.c
        same = (table.kind == kind.value, table.folded_name == folded(name))
        return self.connection.execute(select(table.id).where(*same)).scalars().first()

    def count(self, kind: PushedKind, condition: ColumnElement[bool] | None = None) -> int:
        table = schema.scim_resource
        query = select(func.count()).select_from(table).where(table.c.kind == kind.value)
        if condition is not None:
            query = query.where(condition)
        return int(self.connection.execute(query).scalar_one())

    def without_address(self, kind: PushedKind) -> int:
        return self.count(kind, schema.scim_resource.c.address == "")

    def last_change(self) -> int:
        """0: nothing was ever pushed."""
        newest = select(func.max(schema.scim_resource.c.modified))
        return int(self.connection.execute(newest).scalar() or 0)

    def page(
        self, kind: PushedKind, condition: ColumnElement[bool] | None, *, start: int, count: int
    ) -> Sequence[Pushed]:
        table = schema.scim_resource
        query = select(table).where(table.c.kind == kind.value)
        if condition is not None:
            query = query.where(condition)
        query = query.order_by(table.c.id).offset(start).limit(count)
        return [_pushed(row) for row in self.connection.execute(query).mappings()]

    def add(self, new: Pushed) -> None:
        self.connection.execute(insert(schema.scim_resource).values(_values(new)))
        self.replace_emails(new)

    def change(self, changed: Pushed) -> None:
        table = schema.scim_resource
        its_row = table.c.id == changed.id
        self.connection.execute(update(table).where(its_row).values(_values(changed)))

    def replace_emails(self, pushed: Pushed) -> None:
        table = schema.scim_email
        self.connection.execute(delete(table).where(table.c.resource_id == pushed.id))
        rows = [
            {"resource_id": pushed.id, "type": folded(kind), "address": folded(address)}
            for kind, address in pushed.emails
        ]
        unique = {(row["type"], row["address"]): row for row in rows}
        insert_rows(self.connection, table, list(unique.values()))

    def remove(self, id_: str) -> None:
        member, email, resource = schema.scim_member, schema.scim_email, schema.scim_resource
        self.connection.execute(delete(member).where(member.c.group_id == id_))
        self.connection.execute(delete(member).where(member.c.member_id == id_))
        self.connection.execute(delete(email).where(email.c.resource_id == id_))
        self.connection.execute(delete(resource).where(resource.c.id == id_))

    def addresses(self, ids: Iterable[str]) -> dict[str, str]:
        """Of those that there are, by id; empty: no recipient was made of it."""
        table = schema.scim_resource.c
        found: dict[str, str] = {}
        for batch in names.batches(ids):
            query = select(table.id, table.address).where(one_of(self.connection, table.id, batch))
            found |= {row.id: row.address for row in self.connection.execute(query)}
        return found

    def kinds(self, ids: Iterable[str]) -> dict[str, tuple[PushedKind, str]]:
        """Kind and name of those that there are."""
        table = schema.scim_resource.c
        found: dict[str, tuple[PushedKind, str]] = {}
        for batch in names.batches(ids):
            query = select(table.id, table.kind, table.name).where(
                one_of(self.connection, table.id, batch)
            )
            rows = self.connection.execute(query)
            found |= {id_: (PushedKind(kind), name) for id_, kind, name in rows}
        return found

    def members(self, group: str) -> list[str]:
        table = schema.scim_member.c
        query = select(table.member_id).where(table.group_id == group).order_by(table.member_id)
        return list(self.connection.execute(query).scalars())

    def member_counts(self, groups: Iterable[str]) -> dict[str, int]:
        table = schema.scim_member.c
        found: dict[str, int] = {}
        for batch in names.batches(groups):
            query = (
                select(table.group_id, func.count())
                .where(one_of(self.connection, table.group_id, batch))
                .group_by(table.group_id)
            )
            found |= {group: int(count) for group, count in self.connection.execute(query)}
        return found

    def groups_of(self, member: str) -> list[str]:
        table = schema.scim_member.c
        query = select(table.group_id).where(table.member_id == member)
        return list(self.connection.execute(query).scalars())

    def add_members(self, group: str, ids: Collection[str]) -> None:
        table = schema.scim_member
        for batch in names.batches(ids):
            query = select(table.c.member_id).where(
                table.c.group_id == group, one_of(self.connection, table.c.member_id, batch)
            )
            present = set(self.connection.execute(query).scalars())
            rows = [{"group_id": group, "member_id": one} for one in set(batch) - present]
            insert_rows(self.connection, table, rows)

    def remove_members(self, group: str, ids: Collection[str]) -> None:
        table = schema.scim_member
        for batch in names.batches(ids):
            self.connection.execute(
                delete(table).where(
                    table.c.group_id == group, one_of(self.connection, table.c.member_id, batch)
                )
            )


def _values(pushed: Pushed) -> dict[str, object]:
    return {
        "id": pushed.id,
        "kind": pushed.kind.value,
        "external_id": pushed.external_id,
        "name": pushed.name,
        "folded_name": folded(pushed.name),
        "address": pushed.address,
        "document": pushed.document,
        "created": pushed.created,
        "modified": pushed.modified,
    }


def _pushed(row: RowMapping) -> Pushed:
    return Pushed(
        id=row["id"],
        kind=PushedKind(row["kind"]),
        external_id=row["external_id"],
        name=row["name"],
        address=row["address"],
        document=row["document"],
        created=row["created"],
        modified=row["modified"],
    )
