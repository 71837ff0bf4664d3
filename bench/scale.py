"""python -m bench.scale: one, two, three, four nodes on one database, each with the same share of a core.

Each node has a control group of its own; the load, the next hop and the database have none, but for
`--database-cores`: then the database is the limit, and `--shards 1 2` says what a second one brings.
Load is sent to all nodes at once, and counts as drained when the last copy has arrived.  What a message
costs the database is the processor time of all of its processes and the octets of its log (WAL).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import postgresql, process
from bench.contestant import write_certificate
from bench.errors import BenchError
from bench.kairan_service import Kairan
from bench.load import Load, LoadResult, generate
from bench.process import end_as_interrupted
from bench.settings import BenchSettings
from bench.share import Share
from bench.sink import Sink

WARM_SECONDS = 2.0
DRAIN_QUIET_SECONDS = 30.0
MAILBOXES = 500


@dataclass(frozen=True, slots=True)
class Plan:
    cores: float  # of each node
    database_cores: float | None  # of each database; None: as much as there is
    connections: int  # to each node
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    nodes: int
    shards: int
    accepted_rate: float
    drained_rate: float
    lost: int
    p50_ms: float
    node_microseconds: float  # of processor for a message, as the next
    database_microseconds: float
    wal_octets: float


def measure(plan: Plan, counts: Sequence[int], shards: int) -> list[Measured]:
    """All nodes at first, and then one after the other stops: an installation takes longer than a load."""
    folder = Path(tempfile.mkdtemp(prefix="kairan-scale-"))
    folder.chmod(0o755)
    found = []
    try:
        with _running(plan, folder, max(counts), shards) as (services, servers, sink):
            while services:
                if len(services) in counts:
                    _load(plan, services, WARM_SECONDS)
                    sink.wait_for_recipients(sys.maxsize, quiet_seconds=WARM_SECONDS)
                    found.append(_measured(plan, services, servers, sink))
                    print(found[-1], file=sys.stderr)  # an interrupted run has told these
                services.pop().stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found[::-1]


@contextmanager
def _running(
    plan: Plan, folder: Path, nodes: int, shards: int
) -> Iterator[tuple[list[Kairan], list[postgresql.Server], Sink]]:
    certificate = write_certificate(folder)
    settings = BenchSettings(workers=1, list_members=MAILBOXES)
    with ExitStack() as stack:
        sink = Sink(folder, "all")
        stack.callback(sink.stop)
        servers = [postgresql.Server(folder / f"server-{n}") for n in range(shards)]
        for number, server in enumerate(servers):
            stack.callback(server.stop)
            server.start()
            if plan.database_cores is not None:
                _limit(stack, f"kairan-server-{number}", plan.database_cores, server.root())
        services = []
        for number in range(nodes):
            place = folder / f"node-{number}"
            place.mkdir()
            spool = {"url": [server.url for server in servers]}
            services.append(Kairan(place, sink, settings, certificate, spool=spool))
            stack.callback(services[-1].stop)
        with ThreadPoolExecutor(nodes) as threads:
            list(threads.map(Kairan.start, services))
        for number, service in enumerate(services):
            _limit(stack, f"kairan-node-{number}", plan.cores, *service.roots())
        yield services, servers, sink


def _limit(stack: ExitStack, name: str, cores: float, *roots: int) -> None:
    share = Share.make(name, cores)
    if share is None:
        raise BenchError("needs root, and control groups that have the processor")
    share.take(process.tree(roots))
    stack.callback(share.release)


def _load(plan: Plan, services: Sequence[Kairan], seconds: float) -> list[LoadResult]:
    load = Load(connections=plan.connections, seconds=seconds, recipient_range=MAILBOXES)
    with ThreadPoolExecutor(len(services)) as threads:
        return list(threads.map(lambda one: generate(load, one.login), services))


def _measured(
    plan: Plan, services: Sequence[Kairan], servers: Sequence[postgresql.Server], sink: Sink
) -> Measured:
    server_roots = [server.root() for server in servers]
    service_roots = [root for service in services for root in service.roots()]
    before = sink.counters().recipients
    wal = sum(server.wal_octets() for server in servers)
    processor = process.cpu_seconds(server_roots), process.cpu_seconds(service_roots)
    results = _load(plan, services, plan.seconds)
    sent = sum(one.sent for one in results)
    if not sent:
        raise BenchError(f"nothing was accepted: {results[0].failures}")
    sink.wait_for_recipients(before + sent, quiet_seconds=DRAIN_QUIET_SECONDS)
    arrived = sink.counters().recipients - before
    began = min(one.started for one in results)
    return Measured(
        nodes=len(services),
        shards=len(servers),
        accepted_rate=sent / max(one.seconds for one in results),
        drained_rate=arrived / (sink.counters().last_seconds - began),
        lost=sent - arrived,
        p50_ms=max(one.p50_ms for one in results),
        node_microseconds=1e6 * (process.cpu_seconds(service_roots) - processor[1]) / sent,
        database_microseconds=1e6 * (process.cpu_seconds(server_roots) - processor[0]) / sent,
        wal_octets=(sum(server.wal_octets() for server in servers) - wal) / sent,
    )


def table(found: Sequence[Measured]) -> str:
    """In Markdown; `of one`: of the first line."""
    first = found[0]
    lines = [
        "| nodes | databases | accepted/s | of one | drained/s | of one | p50 ms | node µs/message | database µs/message | WAL octets/message | lost |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {one.nodes} | {one.shards} | {one.accepted_rate:.0f} | {one.accepted_rate / first.accepted_rate:.2f} "
        f"| {one.drained_rate:.0f} | {one.drained_rate / first.drained_rate:.2f} | {one.p50_ms:.0f} "
        f"| {one.node_microseconds:.0f} | {one.database_microseconds:.0f} | {one.wal_octets:.0f} | {one.lost} |"
        for one in found
    ]
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    add = parser.add_argument
    add("--nodes", type=int, nargs="+", default=[1, 2, 3, 4], help="so many at a time (1 2 3 4)")
    add("--shards", type=int, nargs="+", default=[1], help="so many databases (1)")
    add("--cores", type=float, default=0.2, help="of each node (0.2)")
    add("--database-cores", type=float, help="of each database (no limit)")
    add("--connections", type=int, default=20, help="to each node (20)")
    add("--seconds", type=float, default=8.0, help="of load (8)")
    given = parser.parse_args(words)
    plan = Plan(given.cores, given.database_cores, given.connections, given.seconds)
    try:
        postgresql.check()
        found = [one for shards in given.shards for one in measure(plan, given.nodes, shards)]
    except (BenchError, subprocess.SubprocessError) as error:
        print(f"bench.scale: {error}", file=sys.stderr)
        return 2
    print(table(found))
    return 0


if __name__ == "__main__":
    end_as_interrupted()
    sys.exit(main(sys.argv[1:]))
