"""Webhooks of a cluster: in a schema of the spool's first database, for all its nodes.

Each node reads its own trace and writes down what is to be told; one tells.  That is the one who has
the row of `teller`, by the server's clock, which it renews while it lives; another takes over
TELLER_SECONDS after its last word.  The row is not in the WAL: after a failover it is free, and two may
tell for a moment, under the same ids.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from re import sub
from typing import Any, TypeVar
from uuid import uuid4

from kairan.spool.postgresql.blocking import LoopThread
from kairan.spool.postgresql.errors import ANY, SpoolDatabaseError, text_of
from kairan.spool.postgresql.sessions import Connection, HeldConnection, SpoolServer
from kairan.spool.settings import Durability
from kairan.webhooks.database import TABLES, Row, Statements, WebhookDatabaseError

_T = TypeVar("_T")

# Longer than a busy machine stands still, and short for who waits for an event.
TELLER_SECONDS = 15.0
_ANSWER_SECONDS_MAX = 30.0
_SCHEMA = "kairan_webhooks"
_MAKING = 0x4B525748  # two nodes must not make the tables at once
_MADE = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
_HAS_TABLES = f"SELECT to_regclass('{_SCHEMA}.teller') IS NOT NULL"
_TELLER = """
CREATE UNLOGGED TABLE teller (
  one INTEGER PRIMARY KEY, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL);
"""
_TAKE = """
INSERT INTO teller VALUES (1, ?, clock_timestamp() + make_interval(secs => ?))
  ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until
  WHERE teller.holder = excluded.holder OR teller.until < clock_timestamp() RETURNING holder
"""


class SharedWebhooks:
    """Connects when it is asked, and again when the connection was lost."""

    def __init__(self, url: str, *, teller_seconds: float = TELLER_SECONDS) -> None:
        server = SpoolServer(url, Durability.FSYNC)
        self._place = server.place
        self._session = HeldConnection(server, "webhooks", _prepare)
        self._thread = LoopThread("webhooks")
        self._turn = threading.Lock()
        self._holder = uuid4().hex
        self._teller_seconds = teller_seconds

    @contextmanager
    def transaction(self) -> Iterator[Statements]:
        with self._turn:
            try:
                db = self._run(self._session.connection())
                transaction = db.transaction()
                self._run(transaction.start())
                try:
                    yield _PostgresqlStatements(db, self._run)
                except BaseException:
                    self._run(transaction.rollback())
                    raise
                self._run(transaction.commit())
            except (*ANY, SpoolDatabaseError) as error:
                self._thread.call(self._session.lose)
                raise WebhookDatabaseError(
                    f"webhooks in {self._place}: {text_of(error)}"
                ) from error

    def may_tell(self) -> bool:
        with self.transaction() as db:
            return bool(db.rows(_TAKE, self._holder, self._teller_seconds))

    def close(self) -> None:
        """Another need not wait."""
        with suppress(WebhookDatabaseError), self.transaction() as db:
            db.change("DELETE FROM teller WHERE holder = ?", self._holder)
        self._run(self._session.close())
        self._thread.close()

    def _run(self, work: Awaitable[_T]) -> _T:
        return self._thread.run(asyncio.wait_for(work, _ANSWER_SECONDS_MAX))


class _PostgresqlStatements:
    def __init__(self, db: Connection, run: Callable[[Awaitable[Any]], Any]) -> None:
        self._db = db
        self._run = run

    def rows(self, query: str, *values: object) -> list[Row]:
        return [tuple(row) for row in self._run(self._db.fetch(_numbered(query), *values))]

    def change(self, query: str, *values: object) -> int:
        """The server says it as `DELETE 3`."""
        said: str = self._run(self._db.execute(_numbered(query), *values))
        return int(said.rpartition(" ")[2])

    def change_each(self, query: str, values: Iterable[Row]) -> None:
        self._run(self._db.executemany(_numbered(query), values))


def _numbered(query: str) -> str:
    """Each question mark in its place: $1, $2 …; none stands in a text."""
    numbers = count(1)
    return sub(r"\?", lambda _: f"${next(numbers)}", query)


async def _prepare(db: Connection) -> None:
    await db.execute(f"SET search_path TO {_SCHEMA}")
    if await db.fetchval(_HAS_TABLES):
        return
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _MAKING)
        await db.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
        await db.execute(TABLES.format(made=_MADE, by_key=""))
        await db.execute(_TELLER.replace("TABLE", "TABLE IF NOT EXISTS"))
