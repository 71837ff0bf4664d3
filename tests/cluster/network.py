"""Machines on one machine: a network namespace each, on a bridge that the test is on too.

    with Network() as network:
        host = network.host("db1", "198.51.100.11")
        process = host.run(["etcd", …])
        host.unplug(); host.plug_in()              # cut off from everybody
        host.cut_off(other); host.reach(other)     # from one machine: nothing is said, nothing comes

Addresses are those of RFC 5737, which nobody has.  As root, with iproute2.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from bench.share import Share

HERE = "198.51.100.1"
_BRIDGE = "kairan0"
_POLL_SECONDS = 0.02


@dataclass(slots=True)
class Host:
    """A machine; what it runs dies with `kill`, which names its own processes alone."""

    name: str
    address: str
    share: Share | None = None  # of a processor; None: as much as there is
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def _link(self) -> str:
        return f"kairan-{self.name}"

    @property
    def _namespace(self) -> str:
        return f"kairan-{self.name}"

    @property
    def run_in(self) -> tuple[str, ...]:
        """In front of a command; each of these words becomes the next one, and the pid stays."""
        share = self.share.run_in if self.share is not None else ()
        return (*share, "ip", "netns", "exec", self._namespace)

    def run(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*self.run_in, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """Everything that runs in the namespace, at once: also what became a daemon of its own."""
        while listed := _ip("netns", "pids", self._namespace).split():
            for pid in map(int, listed):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
        for process in self.processes:
            process.wait()
        self.processes.clear()

    def unplug(self) -> None:
        _ip("link", "set", self._link, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self._link, "up")

    def cut_off(self, other: "Host") -> None:
        """Packets between the two are dropped silently, of connections that there are already too."""
        _ip("-n", self._namespace, "route", "add", "blackhole", f"{other.address}/32")
        _ip("-n", other._namespace, "route", "add", "blackhole", f"{self.address}/32")

    def reach(self, other: "Host") -> None:
        _ip("-n", self._namespace, "route", "del", "blackhole", f"{other.address}/32")
        _ip("-n", other._namespace, "route", "del", "blackhole", f"{self.address}/32")

    def make(self) -> None:
        _ip("netns", "add", self._namespace)
        inside = ("-n", self._namespace)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)  # fmt: skip
        _ip("link", "set", self._link, "master", _BRIDGE, "up")
        _ip(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")
        _ip(*inside, "link", "set", "lo", "up")

    def remove(self) -> None:
        self.kill()
        with suppress(AssertionError):
            _ip("link", "del", self._link)
        _ip("netns", "del", self._namespace)
        if self.share is not None:
            self.share.remove()


class Network:
    """A context manager; at its end nothing is left of it, however it ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            pytest.skip("needs root and iproute2, for network namespaces")
        _remove_remains()
        _ip("link", "add", _BRIDGE, "type", "bridge")
        self._stack.callback(_ip, "link", "del", _BRIDGE)
        _ip("address", "add", f"{HERE}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def host(self, name: str, address: str, *, cores: float | None = None) -> Host:
        share = None if cores is None else Share.make(f"kairan-{name}", cores)
        made = Host(name, address, share)
        made.make()
        self._stack.callback(made.remove)
        return made


def _remove_remains() -> None:
    """Of a run that was killed: only names that we give."""
    links = [
        line.split(":")[1].strip().partition("@")[0] for line in _ip("-o", "link").splitlines()
    ]
    for link in links:
        if link == _BRIDGE or link.startswith("kairan-"):
            _ip("link", "del", link)
    for line in _ip("netns", "list").splitlines():
        if line.startswith("kairan-"):
            Host(line.split()[0].removeprefix("kairan-"), "").kill()
            _ip("netns", "del", line.split()[0])


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout
