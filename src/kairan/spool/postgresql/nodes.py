"""The nodes of a cluster: what each tells the others, and what operators see of them and order.

    member       one row a node, which it alone writes: who it is, and what accounts do there.  Not in
                 the WAL: a row is old within a second, and empty after a failover until its node's next turn
    failure      one row a node that had failed logins lately: the last of them.  Not in the WAL, either
    node_order   what an operator wants of a node, until it has done so

All are made beside the tables of schema.py where they are missing.  Who is alive is not said here but
by `node` (epochs.py): a node's epochs are those of its workers, whose keys begin with its id.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeVar

from kairan.runtime.operator_error import OperatorError
from kairan.spool.postgresql import epochs, schema
from kairan.spool.postgresql.blocking import AskingThread
from kairan.spool.postgresql.errors import ANY, SpoolDatabaseError, start_error, text_of
from kairan.spool.postgresql.sessions import SCHEMA, Connection, HeldConnection, SpoolServer
from kairan.spool.settings import Durability

_T = TypeVar("_T")

# A worker renews its epoch each second: one that did not for so long is not alive, or not well.
ALIVE_SECONDS = 5.0
# Of nodes that have told nothing for longer nothing is known any more.
TOLD_SECONDS_MAX = 120.0
_ANSWER_SECONDS_MAX = 5.0

_TABLES = f"""
CREATE UNLOGGED TABLE IF NOT EXISTS {SCHEMA}.member(
    node text PRIMARY KEY, name text NOT NULL, began timestamptz NOT NULL,
    told timestamptz NOT NULL, draining boolean NOT NULL, use bytea NOT NULL)
    WITH (fillfactor = 50);
CREATE UNLOGGED TABLE IF NOT EXISTS {SCHEMA}.failure(
    node text PRIMARY KEY, life double precision NOT NULL, told timestamptz NOT NULL,
    first bigint NOT NULL, records bytea NOT NULL) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {SCHEMA}.node_order(
    node text PRIMARY KEY, drains boolean NOT NULL, by text NOT NULL,
    given timestamptz NOT NULL DEFAULT clock_timestamp());
"""
_HAS_TABLES = f"SELECT to_regclass('{SCHEMA}.node_order') IS NOT NULL"
_TELL = """
INSERT INTO member(node, name, began, told, draining, use)
    VALUES($1, $2, to_timestamp($3), clock_timestamp(), $4, $5)
    ON CONFLICT(node) DO UPDATE SET name = excluded.name, began = excluded.began,
        told = excluded.told, draining = excluded.draining, use = excluded.use
"""
_TOLD = """
SELECT use, extract(epoch FROM clock_timestamp() - told)::float8 FROM member
    WHERE node <> $1 AND told > clock_timestamp() - make_interval(secs => $2)
"""
_TELL_FAILURES = """
INSERT INTO failure(node, life, told, first, records) VALUES($1, $2, clock_timestamp(), $3, $4)
    ON CONFLICT(node) DO UPDATE SET life = excluded.life, told = excluded.told,
        first = excluded.first, records = excluded.records
"""
_TOLD_FAILURES = """
SELECT node || ' ' || life, first, records FROM failure
    WHERE node <> $1 AND told > clock_timestamp() - make_interval(secs => $2)
"""
_ORDERED = "SELECT drains, by, extract(epoch FROM given)::float8 FROM node_order WHERE node = $1"
_DONE = "DELETE FROM node_order WHERE node = $1"
_ORDER = """
INSERT INTO node_order(node, drains, by) VALUES($1, $2, $3)
    ON CONFLICT(node) DO UPDATE SET drains = excluded.drains, by = excluded.by, given = excluded.given
"""
# Whether others would deliver what this node leaves.
_OTHERS = """
SELECT EXISTS (SELECT 1 FROM node n LEFT JOIN member m ON m.node = split_part(n.key, '/', 1)
    WHERE split_part(n.key, '/', 1) <> $1 AND NOT n.fenced AND NOT coalesce(m.draining, false)
        AND n.renewed > clock_timestamp() - make_interval(secs => $2))
"""
_EPOCHS = """
SELECT split_part(n.key, '/', 1), n.name, n.epoch, n.fenced,
       extract(epoch FROM clock_timestamp() - n.renewed)::float8,
       coalesce(j.jobs, 0), coalesce(j.recipients, 0)::bigint, j.oldest,
       extract(epoch FROM m.began)::float8, coalesce(m.draining, false)
    FROM node n LEFT JOIN member m ON m.node = split_part(n.key, '/', 1)
    LEFT JOIN (SELECT lease, count(*) AS jobs, sum(count) AS recipients, min(arrived) AS oldest
        FROM job JOIN message ON id = message WHERE lease <> 0 GROUP BY lease) j ON j.lease = n.epoch
    ORDER BY n.name, n.epoch
"""
_LOCK = """
SELECT epoch, NOT fenced AND renewed > clock_timestamp() - make_interval(secs => $2) AS is_alive
    FROM node WHERE split_part(key, '/', 1) = $1 ORDER BY epoch FOR UPDATE
"""
_FENCE = "UPDATE node SET fenced = true WHERE epoch = ANY($1)"
_WORKER = " worker "  # between a node's name and a worker's number, in the name of an epoch


class NodeOrder(NamedTuple):
    """What an operator wants: to be drained, or to take mail again."""

    drains: bool
    by: str
    given: float


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """Times are seconds since the epoch."""

    name: str
    id: str
    state: str  # alive, draining, silent (others will take its leases), fenced (they have)
    since: float | None  # its service's start; None: it has not told since a failover
    silent_seconds: float
    epochs: tuple[int, ...]
    jobs: int  # leased
    recipients: int
    oldest: float | None  # arrival of the oldest message it has leased a job of


class NodeError(OperatorError):
    """No such node, or not one to be treated so."""


async def prepare(db: Connection) -> None:
    """At a start; raises one of `errors.ANY`."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", schema.MAKING)
        await db.execute(_TABLES)


async def are_others_there(db: Connection, node: str) -> bool:
    return bool(await db.fetchval(_OTHERS, node, ALIVE_SECONDS))


class NodesLink:
    """A node's own end: tells, hears, and takes orders.  A connection of its own."""

    def __init__(self, server: SpoolServer, *, node: str, name: str, began: float) -> None:
        self._session = HeldConnection(server, "nodes")
        self._node, self._name, self._began = node, name, began

    async def exchange(
        self, use: bytes, *, is_draining: bool, follow: Callable[[NodeOrder], Awaitable[None]]
    ) -> list[tuple[bytes, float]]:
        """What the others told, and how many seconds ago.  Raises SpoolDatabaseError."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                db = await self._session.connection()
                await db.execute(_TELL, self._node, self._name, self._began, is_draining, use)
                ordered = await db.fetchrow(_ORDERED, self._node)
                if ordered is not None:
                    await follow(NodeOrder(*ordered))
                    await db.execute(_DONE, self._node)
                told = await db.fetch(_TOLD, self._node, TOLD_SECONDS_MAX)
        except ANY as error:
            self._session.lose()
            raise SpoolDatabaseError(text_of(error)) from error
        return [(bytes(use), seconds) for use, seconds in told]

    async def exchange_failures(
        self, told: tuple[int, bytes] | None
    ) -> list[tuple[str, int, bytes]]:
        """`told`: the number of the first and all of them, where there are new ones.  Of each other node
        its name, with the life of it that counted, and the same.  Raises SpoolDatabaseError.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                db = await self._session.connection()
                if told is not None:
                    await db.execute(_TELL_FAILURES, self._node, self._began, *told)
                rows = await db.fetch(_TOLD_FAILURES, self._node, TOLD_SECONDS_MAX)
        except ANY as error:
            self._session.lose()
            raise SpoolDatabaseError(text_of(error)) from error
        return [(life, first, bytes(records)) for life, first, records in rows]

    async def close(self) -> None:
        await self._session.close()


class ClusterView:
    """For commands; a context manager.  Of several databases each knows its own leases, and the first
    what nodes tell one another.  Looking changes nothing: a role that may read is enough.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        """Raises SpoolDatabaseError."""
        self._databases: list[tuple[SpoolServer, AskingThread]] = []
        try:
            for url in urls:
                self._open(SpoolServer(url, Durability.FSYNC))
        except BaseException:
            self._close()
            raise

    def _open(self, server: SpoolServer) -> None:
        asking = AskingThread(server)
        self._databases.append((server, asking))
        _ask(server, asking, schema.check_tables(asking.db, server))
        if not _ask(server, asking, asking.db.fetchval(_HAS_TABLES)):
            raise SpoolDatabaseError(
                f"spool.url {server.place}: no node of this version has run there yet; start one"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for _, asking in self._databases:
            asking.close()

    def nodes(self) -> list[ClusterNode]:
        by_node: dict[str, list[Any]] = defaultdict(list)
        for server, asking in self._databases:
            for id_, *epoch in _ask(server, asking, asking.db.fetch(_EPOCHS)):
                by_node[id_].append(epoch)
        return sorted((_node(*one) for one in by_node.items()), key=lambda one: one.name)

    def find(self, name: str) -> ClusterNode:
        """By its name or its id.  Raises NodeError."""
        found = [one for one in self.nodes() if name in {one.name, one.id}]
        if not found:
            raise NodeError(f"there is no node {name}; see kairan cluster status")
        if len(found) > 1:
            ids = ", ".join(one.id for one in found)
            raise NodeError(f"several nodes are called {name}; name one by its id: {ids}")
        return found[0]

    def order(self, node: ClusterNode, *, drains: bool, by: str) -> None:
        """It does so within a second, where it is alive; else when it is again."""
        server, first = self._databases[0]
        _ask(server, first, first.db.execute(_ORDER, node.id, drains, by))

    def forget(self, node: ClusterNode) -> int:
        """What it has leased is others' at once; how many jobs that were.  Raises NodeError."""
        for server, asking in self._databases:
            _ask(server, asking, _forget(asking.db, node))
        return node.jobs


def _ask(server: SpoolServer, asking: AskingThread, work: Coroutine[Any, Any, _T]) -> _T:
    """Raises SpoolDatabaseError."""
    try:
        return asking.run(work)
    except ANY as error:
        raise start_error(error, server.place) from error


async def _forget(db: Connection, node: ClusterNode) -> None:
    async with db.transaction():
        found = await db.fetch(_LOCK, node.id, ALIVE_SECONDS)
        if any(is_alive for _, is_alive in found):
            raise NodeError(
                f"{node.name} is alive; stop its service, or drain it: kairan cluster drain {node.name}"
            )
        gone = [epoch for epoch, _ in found]
        await db.execute(_FENCE, gone)
        await epochs.free(db, gone)
        await db.execute("DELETE FROM member WHERE node = $1", node.id)
        await db.execute(_DONE, node.id)


def _node(id_: str, rows: Iterable[Any]) -> ClusterNode:
    """Of its epochs: those that count, which is the last one where all are over."""
    *_, last = all_rows = list(rows)
    rows = [row for row in all_rows if not row[2]] or [last]
    name = last[0]
    since = next((row[7] for row in rows if row[7] is not None), None)
    is_draining = any(row[8] for row in rows)
    silent = min(row[3] for row in rows)
    return ClusterNode(
        name.partition(_WORKER)[0],
        id_,
        _state(is_fenced=rows[-1][2], silent=silent, is_draining=is_draining),
        since,
        round(silent, 1),
        tuple(row[1] for row in rows),
        sum(row[4] for row in rows),
        sum(row[5] for row in rows),
        min((row[6] for row in rows if row[6] is not None), default=None),
    )


def _state(*, is_fenced: bool, silent: float, is_draining: bool) -> str:
    if is_fenced:
        return "fenced"
    if silent > ALIVE_SECONDS:
        return "silent"
    return "draining" if is_draining else "alive"
