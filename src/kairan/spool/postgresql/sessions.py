"""Connections to PostgreSQL: how each is set up, and how a lost one is found again.

The URL may name several hosts, of which the one that takes writes is meant.  After a failover the
same URL leads to the new primary.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from kairan.spool.postgresql.errors import ANY, LOST, SpoolDatabaseError, start_error
from kairan.spool.settings import Durability

Connection: TypeAlias = Any  # asyncpg has no types
Prepare: TypeAlias = Callable[[Connection], Awaitable[None]]

SCHEMA = "kairan_spool"
VERSION_MIN = 13  # the oldest that PostgreSQL's own developers still mend in 2025
# One attempt; several hosts are asked one after the other.
CONNECT_SECONDS_MAX = 5.0
# A machine that stopped in the middle of a transaction must not keep others from fencing it.
_IDLE_IN_TRANSACTION = "5s"
_RETRY_SECONDS = (0.05, 1.0)
# Enough for what a commit says; asyncpg's own is 100.
STATEMENTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class SpoolServer:
    url: str
    durability: Durability

    @property
    def place(self) -> str:
        """The URL without login and options, for the log."""
        parts = urlsplit(self.url)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

    async def connect(self, purpose: str, *, waits: bool = True) -> Connection:
        """`waits` False: a commit need not be durable before another one is."""
        settings = {
            "application_name": f"kairan spool {purpose}",
            "search_path": SCHEMA,
            "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
            "jit": "off",  # small statements: to compile one takes longer than it runs
        }
        if not waits or self.durability == Durability.OS:
            settings["synchronous_commit"] = "off"
        options: dict[str, Any] = {}
        said = parse_qs(urlsplit(self.url).query)
        if "target_session_attrs" not in said:
            options["target_session_attrs"] = "read-write"
        if "sslmode" not in said and not _is_on_this_machine(self.url):
            # As with the directory: beyond this machine a certificate is looked at.
            options["ssl"] = ssl.create_default_context()
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_SECONDS_MAX,
            statement_cache_size=STATEMENTS_KEPT,
            server_settings=settings,
            **options,
        )


def _is_on_this_machine(url: str) -> bool:
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    said = parse_qs(parts.query).get("host", [])
    return all(_is_loopback(host) for host in [*hosts, *said])


def _is_loopback(host: str) -> bool:
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if name in {"", "localhost"} or name.startswith(("/", "%2F", "%2f")):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class HeldConnection:
    """One connection that is made again when it was lost; asked by one task at a time."""

    def __init__(self, server: SpoolServer, purpose: str, prepare: Prepare | None = None) -> None:
        self._server = server
        self._purpose = purpose
        self._prepare = prepare
        self._connection: Connection = None
        self.turn = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def open(self) -> Connection:
        """At a start: raises SpoolDatabaseError with one sentence."""
        try:
            return await self.connection()
        except SpoolDatabaseError:
            raise
        except ANY as error:
            raise start_error(error, self._server.place) from error

    async def connection(self) -> Connection:
        """Raises one of `errors.ANY`."""
        if not self.is_connected:
            connection = await self._server.connect(self._purpose)
            try:
                if self._prepare is not None:
                    await self._prepare(connection)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    def lose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.close(timeout=CONNECT_SECONDS_MAX)
        except LOST:
            connection.terminate()


class RetryPause:
    """How long before the next attempt: at once, then longer and longer, up to a second."""

    def __init__(self) -> None:
        self._seconds = _RETRY_SECONDS[0]

    async def wait(self) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = min(_RETRY_SECONDS[1], 2 * self._seconds)
