"""A spool in a temporary directory or in PostgreSQL, and letters to put in it.

`open_spool` runs a test with both storages, `sqlite/` with SQLite alone (its own conftest).
"""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import Spool
from kairan.spool.operator_view import OperatorView
from kairan.spool.postgresql.blocking import AskingThread
from kairan.spool.postgresql.sessions import SpoolServer
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.view import DatabaseView
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from kairan.spool.sqlite.operator.view import ShardView
from kairan.spool.sqlite.shard import SqliteSpool
from peers.postgresql import Cluster

SETTINGS = SpoolSettings(
    free_octets_min=0, free_inodes_min=0, reserve_octets=0, look_interval_seconds=0.02
)

OpenSpool = Callable[..., Awaitable[Any]]


class Storage(Protocol):
    """Where a test's spool lies."""

    async def open(self, settings: SpoolSettings, **arguments: Any) -> Spool: ...
    def view(self) -> OperatorView: ...
    def execute(self, statement: str) -> Any:
        """The first column of the first row, where there is one."""

    def has_heard(self, spool: Any) -> bool:
        """Nothing waits in its memory that an operator may have changed."""

    def has_content(self, message: int) -> bool:
        """A large one, or a part of it."""

    async def kill(self, spool: Any) -> None:
        """As `kill -9` leaves it."""


class SqliteStorage:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self, settings: SpoolSettings, **arguments: Any) -> SqliteSpool:
        return await SqliteSpool.open(self.directory, settings, **arguments)

    def view(self) -> ShardView:
        return ShardView(self.directory)

    def execute(self, statement: str) -> Any:
        with closing(sqlite3.connect(self.directory / "queue.db", isolation_level=None)) as db:
            row = db.execute(statement).fetchone()
        return row and row[0]

    def has_heard(self, _spool: SqliteSpool) -> bool:
        return True

    def has_content(self, message: int) -> bool:
        return (self.directory / "bodies" / str(message)).exists()

    def close(self) -> None: ...

    async def kill(self, spool: SqliteSpool) -> None:
        """The files as they are at this moment."""
        copy = self.directory.with_name(self.directory.name + "-killed")
        shutil.copytree(self.directory, copy)
        await spool.close()
        shutil.rmtree(self.directory)
        copy.rename(self.directory)


class PostgresqlStorage:
    """One database for all tests, emptied for each: to make one takes longer."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._server = SpoolServer(url, Durability.OS)
        self._asking = AskingThread(self._server)
        self.execute("SET client_min_messages TO warning")
        self.execute("DROP SCHEMA IF EXISTS kairan_spool CASCADE")

    async def open(
        self, settings: SpoolSettings, *, key: str = "one", **arguments: Any
    ) -> PostgresqlSpool:
        # The test's server does not sync; a crash here is one of the process.
        settings = replace(settings, url=self.url, durability=Durability.OS)
        folder = self.folder / f"copies-{key}"
        return await PostgresqlSpool.open(
            self.url, settings, folder=folder, identity=NodeIdentity(key, key), **arguments
        )

    def view(self) -> DatabaseView:
        return DatabaseView(self.url)

    def execute(self, statement: str) -> Any:
        return self._asking.run(self._asking.db.fetchval(statement))

    def has_heard(self, spool: PostgresqlSpool) -> bool:
        return not spool._memory.waiting()

    def has_content(self, message: int) -> bool:
        is_copied = (self.folder / "copies-one" / f"message-{message}").exists()
        return is_copied or self.execute("SELECT count(*) FROM kairan_spool.chunk") > 0

    async def kill(self, spool: PostgresqlSpool) -> None:
        await kill(spool)

    def close(self) -> None:
        self._asking.close()


async def kill(spool: PostgresqlSpool) -> None:
    """Its tasks end where they are, and its connections break."""
    for task in (spool._house, spool._writer._task):
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    spool._writing.lose()
    spool._asking.lose()
    spool._closing = True


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "shard-0"


@pytest.fixture(scope="session")
def postgresql_url(postgresql: Cluster) -> str:
    return postgresql.new_database().replace("+pg8000", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, directory: Path, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "sqlite":
        yield SqliteStorage(directory)
        return
    found = PostgresqlStorage(request.getfixturevalue("postgresql_url"), tmp_path)
    yield found
    found.close()


@pytest.fixture
def letter() -> Callable[..., Envelope]:
    def make(*recipients: str, **fields: object) -> Envelope:
        return Envelope(
            sender=Address("printer@kairan.test"),
            recipients=tuple(Recipient(Address(r)) for r in recipients or ("user001@kairan.test",)),
            arrived=time.time(),
            **fields,
        )

    return make


@pytest_asyncio.fixture
async def open_spool(storage: Storage) -> AsyncIterator[OpenSpool]:
    """`await open_spool(ready_jobs_max=10, clock=…)`: settings and arguments of `open` together."""
    opened: list[Spool] = []

    async def make(**options: object) -> Spool:
        names = ("clock", "disk", "connect", "key", "is_draining")
        arguments = {name: options.pop(name) for name in names if name in options}
        spool = await storage.open(replace(SETTINGS, **options), **arguments)
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        await spool.close()
