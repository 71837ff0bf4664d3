"""How jobs and messages stand in a statement: a column is an array, a statement takes all rows of a kind."""

from collections.abc import Iterable, Sequence
from typing import Any

from kairan.spool.interface import Job, JobId
from kairan.spool.postgresql.sessions import Connection
from kairan.spool.record import encode_recipients

_JOB_COLUMNS = (
    "message, number, due, count, attempts, delayed, lease, parent, route, detail, destination,"
    " since, recipients"
)
_JOB_TYPES = (
    "bigint[]", "integer[]", "double precision[]", "integer[]", "integer[]", "boolean[]", "bigint[]",
    "integer[]", "text[]", "text[]", "text[]", "double precision[]", "bytea[]",
)  # fmt: skip
_MESSAGE_COLUMNS = "id, arrived, size, crc, envelope, content, body"
_MESSAGE_TYPES = (
    "bigint[]", "double precision[]", "bigint[]", "bigint[]", "bytea[]", "bigint[]", "bytea[]",
)  # fmt: skip


def keys_sql(first: int) -> str:
    """Jobs' keys, from two arrays of which the first is $`first`."""
    arrays = f"${first}::bigint[], ${first + 1}::integer[]"
    return f"SELECT * FROM unnest({arrays}) AS u(message, number)"  # noqa: S608 - ours


KEYS = keys_sql(1)


def _unnest(types: Sequence[str], first: int) -> str:
    return "unnest(" + ", ".join(f"${n}::{t}" for n, t in enumerate(types, first)) + ")"


INSERT_MESSAGES = (
    f"INSERT INTO message({_MESSAGE_COLUMNS}) SELECT * FROM {_unnest(_MESSAGE_TYPES, 1)}"  # noqa: S608
)
INSERT_JOBS = f"INSERT INTO job({_JOB_COLUMNS}) SELECT * FROM {_unnest(_JOB_TYPES, 1)}"  # noqa: S608
# All that a commit of nothing but new mail needs, in one round trip and a transaction of its own.
_U = "SELECT u.* FROM"
APPEND_AT_ONCE = f"""
WITH me AS (UPDATE node SET batch = $2, renewed = clock_timestamp()
        WHERE epoch = $1 AND NOT fenced RETURNING epoch),
    m AS (INSERT INTO message({_MESSAGE_COLUMNS}) {_U} {_unnest(_MESSAGE_TYPES, 3)} AS u, me),
    j AS (INSERT INTO job({_JOB_COLUMNS})
        {_U} {_unnest(_JOB_TYPES, 3 + len(_MESSAGE_TYPES))} AS u, me)
SELECT count(*) FROM me
"""  # noqa: S608 - all of it is ours


def text(value: str) -> str:
    """Text that PostgreSQL takes: a peer's reply may hold what is no Unicode, or NUL."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode(errors="replace").decode().replace("\0", "?")


def job_row(
    job: Job, *, lease: int, parent: int | None = None, is_whole_envelope: bool = False
) -> tuple[Any, ...]:
    return (
        job.id.message,
        job.id.number,
        job.due,
        len(job.recipients),
        job.attempts,
        job.delayed,
        lease,
        parent,
        text(job.route),
        text(job.detail),
        text(job.destination),
        job.since,
        None if is_whole_envelope else encode_recipients(job.recipients),
    )


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * width


def job_columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return columns(rows, len(_JOB_TYPES))


def message_columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return columns(rows, len(_MESSAGE_TYPES))


def keys(ids: Iterable[JobId]) -> tuple[list[int], list[int]]:
    found = list(ids)
    return [id_.message for id_ in found], [id_.number for id_ in found]


async def insert_jobs(db: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await db.execute(INSERT_JOBS, *job_columns(rows))
