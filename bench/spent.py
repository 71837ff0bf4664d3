"""Processor time of the service, user and system: of the process that answers HTTP, and of all others.

It says what a message or a view costs, whatever else the machine does.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from bench.process import tree
from bench.trial import Bench

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds."""

    web: float = 0.0
    others: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.web + other.web, self.others + other.others)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.web - other.web, self.others - other.others)


def spent(bench: Bench) -> Spent:
    """So far; the process that answers HTTP is known by its port."""
    api = bench.contestant.api
    assert api is not None, "only a contestant with an API is asked"
    web = others = 0.0
    for pid in tree(bench.contestant.roots()):
        if _listens(pid, api.port):
            web += _seconds_of(pid)
        else:
            others += _seconds_of(pid)
    return Spent(web, others)


def _seconds_of(pid: int) -> float:
    """proc(5): utime and stime, counted behind the name, which may hold anything."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _listens(pid: int, port: int) -> bool:
    """The supervisor holds every socket, too; what serves one holds no other that listens."""
    wanted = _inodes(port)
    held = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            held.add(entry.readlink().name)
    except OSError:
        return False
    return bool(wanted & held) and len(_listening() & held) == len(wanted & held)


def _inodes(port: int) -> set[str]:
    return {inode for at, inode in _sockets() if at == port}


def _listening() -> set[str]:
    return {inode for _, inode in _sockets()}


def _sockets() -> list[tuple[int, str]]:
    """proc(5): of IPv4, those that listen (state 0A): port and `socket:[inode]`."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [row.split() for row in rows]
    return [
        (int(one[1].partition(":")[2], 16), f"socket:[{one[9]}]")
        for one in fields
        if one[3] == "0A"
    ]
