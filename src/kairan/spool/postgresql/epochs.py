"""Epochs: which lives of which workers are alive, and what becomes of the leases of the others.

    begin    a worker starts: its earlier epochs end, their leases are free
    renew    each commit does so, and one without an operation where there is nothing to do
    fence    one that was silent for too long: its leases are others', its commits are refused

The server's clock decides alone; the clocks of the nodes do not matter here.  A commit updates the row
of its epoch, and so does who fences it: one of the two waits for the other, and sees what it did.
"""

from dataclasses import dataclass

from kairan.spool.postgresql.schema import CHANNEL
from kairan.spool.postgresql.sessions import Connection

JOBS = "jobs"  # payload of a notice: some are to be had
OPERATOR = "operator"  # payload: an operator has changed some

_END_EARLIER = "UPDATE node SET fenced = true WHERE key = $1 AND NOT fenced"
_BEGIN = "INSERT INTO node(key, name) VALUES($1, $2) RETURNING epoch"
# In the row of the epoch, and durable when it returns: so is whatever was committed before.
_LOOK_UP = "UPDATE node SET renewed = renewed WHERE epoch = $1 RETURNING batch, fenced"
_SILENT = """
UPDATE node SET fenced = true WHERE epoch IN
    (SELECT epoch FROM node WHERE NOT fenced AND epoch <> $1
        AND renewed < clock_timestamp() - make_interval(secs => $2) FOR UPDATE SKIP LOCKED)
    RETURNING epoch, name, extract(epoch FROM clock_timestamp() - renewed)::float8
"""
_FENCED = "SELECT array_agg(epoch) FROM node WHERE fenced"
_HAVE_LEFT_SOMETHING = """
SELECT EXISTS (SELECT 1 FROM job WHERE lease = ANY($1))
    OR EXISTS (SELECT 1 FROM incoming WHERE epoch = ANY($1))
"""
_FORGET_STAGED = """
DELETE FROM job s USING job p WHERE s.parent IS NOT NULL
    AND p.message = s.message AND p.number = s.parent AND p.lease = ANY($1)
"""
_FREE = "UPDATE job SET lease = 0 WHERE lease = ANY($1)"
_FORGET_CHUNKS = """
DELETE FROM chunk WHERE content IN (SELECT content FROM incoming WHERE epoch = ANY($1))
"""
_FORGET_INCOMING = "DELETE FROM incoming WHERE epoch = ANY($1)"
# For a while they tell who is who in the log; a late lease of theirs is found meanwhile.
_FORGET_FENCED = """
DELETE FROM node WHERE fenced AND renewed < clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT 1 FROM job WHERE lease = epoch)
"""


@dataclass(frozen=True, slots=True)
class Silent:
    """An epoch that was fenced just now."""

    epoch: int
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What the server knows of an epoch."""

    batch: int
    fenced: bool


async def begin(db: Connection, key: str, name: str) -> int:
    async with db.transaction():
        await db.execute(_END_EARLIER, key)
        await free(db, await db.fetchval(_FENCED) or [])
        return int(await db.fetchval(_BEGIN, key, name))


async def end(db: Connection, epoch: int) -> None:
    """In order: what it had leased is others' at once."""
    async with db.transaction():
        await free(db, [epoch])
        await db.execute("DELETE FROM node WHERE epoch = $1", epoch)


async def look_up(db: Connection, epoch: int) -> Found | None:
    """Waits for a commit of the same epoch that is still under way; None: nobody knows any more."""
    row = await db.fetchrow(_LOOK_UP, epoch)
    return None if row is None else Found(*row)


async def fence(db: Connection, own: int, silent_seconds: float) -> list[Silent]:
    """Those that were silent for longer; whatever fenced ones have left is free afterwards."""
    found = [Silent(*row) for row in await db.fetch(_SILENT, own, silent_seconds)]
    fenced = await db.fetchval(_FENCED)
    if fenced and await db.fetchval(_HAVE_LEFT_SOMETHING, fenced):
        async with db.transaction():
            await free(db, fenced)
    if fenced:
        await db.execute(_FORGET_FENCED)
    return found


async def free(db: Connection, epochs: list[int]) -> None:
    """Of epochs that are over: what they had leased, staged or begun."""
    if not epochs:
        return
    for statement in (_FORGET_STAGED, _FREE, _FORGET_CHUNKS, _FORGET_INCOMING):
        await db.execute(statement, epochs)
    await notify(db, JOBS)


async def notify(db: Connection, what: str) -> None:
    await db.execute("SELECT pg_notify($1, $2)", CHANNEL, what)
