"""Messages that wait for a moderator: where delivery, moderators' answers and the command meet.

A decision changes the revision, so that every worker, on every machine, looks for what was decided.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError
from kairan.directory.model import ModerationRequest
from kairan.outcomes.outcome import Text

APPROVE, REJECT = "approve", "reject"
# Who decided what is told so long after it has expired.
_KEPT_SECONDS = 30 * 24 * 3600
# About 500 octets each.  Beyond it a message is not put to the moderators, but waits and expires.
WAITING_MAX = 100_000
_COLUMNS = tuple(c for c in schema.moderation.columns if c.name != "decided_version")


class RequestState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


STATE_OF_DECISION: Mapping[str, RequestState] = {
    APPROVE: RequestState.APPROVED,
    REJECT: RequestState.REJECTED,
}


def state_of(request: ModerationRequest, now: float) -> RequestState:
    if request.decision:
        return STATE_OF_DECISION[request.decision]
    return RequestState.WAITING if request.expires > now else RequestState.EXPIRED


class Moderation:
    """`directory.moderation`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, wanted: ModerationRequest, *, now: float) -> ModerationRequest | None:
        """The request for this message and group, made where there is none; None: too many wait."""
        table = schema.moderation
        with self._database.writing() as connection:
            known = _of_message(connection, wanted.message_id, wanted.arrived)
            if wanted.group in known:
                return known[wanted.group]
            connection.execute(delete(table).where(table.c.expires < int(now) - _KEPT_SECONDS))
            if (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                >= WAITING_MAX
            ):
                return None
            connection.execute(insert(table).values(**_row(wanted), decided_version=0))
            return wanted

    def of_message(self, message_id: str, arrived: float) -> dict[str, ModerationRequest]:
        """By the group's address."""
        with self._database.reading() as connection:
            return _of_message(connection, message_id, arrived)

    def asked(self, request: str) -> None:
        table = schema.moderation
        with self._database.writing() as connection:
            connection.execute(update(table).where(table.c.id == request).values(asked=True))

    def find(self, request: str) -> ModerationRequest | None:
        with self._database.reading() as connection:
            return _found(connection, request)

    def decide(self, request: str, decision: str, *, by: str, now: float) -> ModerationRequest:
        """Once.  Raises DirectoryError where there is nothing to decide any more."""
        table = schema.moderation
        with self._database.changing() as connection:
            found = _found(connection, request)
            if found is None:
                raise DirectoryError(
                    Text(
                        f"no message waits under {request}",
                        f"{request} で待機しているメッセージはありません",
                    )
                )
            if found.decision:
                raise DirectoryError(
                    Text(
                        f"{request}: {found.decided_by} has decided: {found.decision}",
                        f"{request}: {found.decided_by} がすでに決定しました: {found.decision}",
                    )
                )
            if found.expires <= now:
                raise DirectoryError(
                    Text(
                        f"{request} has expired, and its sender was told",
                        f"{request} は期限切れで、送信者に通知済みです",
                    )
                )
            version = connection.execute(select(schema.revision.c.version)).scalar_one()
            values = {"decision": decision, "decided_by": by, "decided": int(now)}
            its_row = table.c.id == request
            connection.execute(
                update(table).where(its_row).values(**values, decided_version=version)
            )
            decided = _found(connection, request)
            assert decided is not None, "it was written in this transaction"
            return decided

    def everything(self) -> Sequence[ModerationRequest]:
        """The oldest first."""
        table = schema.moderation.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(*_COLUMNS).order_by(table.arrived, table.id)
            ).mappings()
            return [_request(row) for row in rows]

    def decided_since(self, version: int) -> tuple[Sequence[str], int]:
        """The requests decided after that revision, and the newest revision of them."""
        table = schema.moderation.c
        query = select(table.id, table.decided_version).where(table.decided_version > version)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [row.id for row in rows], max((row.decided_version for row in rows), default=version)


def _of_message(
    connection: Connection, message_id: str, arrived: float
) -> dict[str, ModerationRequest]:
    table = schema.moderation.c
    query = select(*_COLUMNS).where(table.message_id == message_id, table.arrived == arrived)
    rows = connection.execute(query).mappings()
    return {row["group_address"]: _request(row) for row in rows}


def _found(connection: Connection, request: str) -> ModerationRequest | None:
    query = select(*_COLUMNS).where(schema.moderation.c.id == request)
    row = connection.execute(query).mappings().first()
    return None if row is None else _request(row)


def _request(row: RowMapping) -> ModerationRequest:
    values = dict(row)
    group = values.pop("group_address")
    moderators = tuple(values.pop("moderators").split())
    secret = bytes.fromhex(values.pop("secret"))
    return ModerationRequest(**values, group=group, moderators=moderators, secret=secret)


def _row(request: ModerationRequest) -> dict[str, object]:
    names = [c.name for c in _COLUMNS if c.name not in {"group_address", "moderators", "secret"}]
    values = {name: getattr(request, name) for name in names}
    return values | {
        "group_address": request.group,
        "moderators": " ".join(request.moderators),
        "secret": request.secret.hex(),
    }
