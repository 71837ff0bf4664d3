"""Kairan's nodes and the balancer in front of them, by the files of deploy/cluster."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from cluster.databases import PASSWORD, Databases
from cluster.example import example
from cluster.network import Host, Network
from kit.killable import (
    SENDER,
    KillableService,
    Plan,
    ServiceFailed,
    write_certificates,
)

Fill: TypeAlias = Callable[[str, Plan], None]

BALANCER = "198.51.100.10"
TLS_PORT, PLAIN_PORT = 587, 25
# The example's would make each fault half a minute long; this is still longer than a failover.
FENCE_SECONDS = 20
CORES = 0.3  # of one: what a node may use
# What a test has beside the example: results soon, and no cost for sessions that come back.
_FASTER = """
[auth]
argon2_memory_kib = 64
argon2_time_cost = 1

[admission]
connections_per_account_max = 1000

[delivery.retry]
first_seconds = 0.5
max_seconds = 1.0
min_seconds = 0.1

[delivery.destination]
pause_first_seconds = 0.2
pause_max_seconds = 1.0
"""
# A node whose database is away does not start; systemd tries again, and so do we.
_START_TRIES = 30


class Node(KillableService):
    """A service on a machine of its own."""

    def __init__(self, machine: Host, folder: Path, plan: Plan) -> None:
        super().__init__(folder, plan)
        self.machine, self.host, self.run_in = machine, machine.address, machine.run_in
        self.tls_port, self.plain_port = TLS_PORT, PLAIN_PORT

    def prepare(self, plan: Plan) -> None:
        (self.folder / "tls").mkdir()
        write_certificates(self.folder / "tls")

    def configure(self, plan: Plan) -> None:
        name, address = self.machine.name, self.machine.address
        own = {
            "a.example.com": f"{name}.ledger.test",
            "198.51.100.21": address,
            "/var/lib/kairan": str(self.data),
        }
        ours = {
            "scanner@example.com": SENDER,
            "fence_seconds = 30": f"fence_seconds = {FENCE_SECONDS}",
            "smtp://198.51.100.1:2525?tls=none": plan.destination,
        }
        in_flight = f"\n[delivery]\nin_flight_jobs_max = {plan.in_flight_jobs_max}\n"
        (self.folder / "kairan.toml").write_text(
            example("kairan.toml", own, ours) + _FASTER + in_flight
        )

    def start_again(self) -> None:
        for _ in range(_START_TRIES):
            try:
                self.start()
            except ServiceFailed as error:
                failed = error
                time.sleep(1)
            else:
                return
        raise failed


class Balancer:
    """Where clients come in; an `Entrance`."""

    def __init__(self, network: Network, folder: Path, plan: Plan, ca_file: Path) -> None:
        self.host, self.tls_port, self.plain_port = BALANCER, TLS_PORT, PLAIN_PORT
        self.mailboxes, self.members, self.ca_file = plan.mailboxes, plan.members, ca_file
        self._machine = network.host("balancer", BALANCER)
        self._folder = folder

    def start(self) -> None:
        file = self._folder / "haproxy.cfg"
        file.write_text(example("haproxy.cfg", {}))
        self._machine.run(["haproxy", "-db", "-f", str(file)], self._folder / "haproxy.log")


def make_nodes(
    network: Network, folder: Path, plan: Plan, databases: Databases, fill: Fill
) -> Sequence[Node]:
    """With an organisation, in a directory that they share."""
    databases.say(
        f"CREATE ROLE kairan LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE directory OWNER kairan",
        "CREATE DATABASE mail OWNER kairan",
    )
    url = f"postgresql+pg8000://kairan:{PASSWORD}@{databases.place()}/directory?sslmode=disable"
    fill(url, plan)
    return [_node(network, folder / name, plan, n) for n, name in enumerate("abc", start=1)]


def _node(network: Network, folder: Path, plan: Plan, number: int) -> Node:
    machine = network.host(folder.name, f"198.51.100.2{number}", cores=CORES)
    node = Node(machine, folder, plan)
    first = folder.parent / "a" / "tls"  # clients know one authority, and the balancer one name
    if number > 1:
        shutil.copytree(first, folder / "tls", dirs_exist_ok=True)
    node.configure(plan)
    return node
