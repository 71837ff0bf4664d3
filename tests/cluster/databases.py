"""Three machines with etcd, Patroni and PostgreSQL, by the files of deploy/cluster."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.example import example
from cluster.network import Host, Network

PASSWORD = "change-me"  # as in the files
_LOOK_SECONDS = 0.2
_START_SECONDS_MAX = 60.0
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env")


@dataclass(slots=True, eq=False)
class Member:
    host: Host
    folder: Path

    def start(self) -> None:
        run = self.host.run
        run(["etcd", "--config-file", str(self.folder / "etcd.yml")], self.folder / "etcd.log")
        self.start_postgresql()

    def start_postgresql(self) -> None:
        patroni = ["patroni", str(self.folder / "patroni.yml")]
        self.host.run([*_AS_POSTGRES, *patroni], self.folder / "patroni.log")

    def state(self) -> dict[str, Any]:
        """What Patroni says of itself; empty where it does not answer."""
        return self._asked("patroni")

    def promotable(self) -> int:
        """How many standbys Patroni would promote."""
        members = self._asked("cluster").get("members", [])
        return sum(one["role"] == "sync_standby" for one in members)

    def _asked(self, page: str) -> dict[str, Any]:
        return _asked(f"http://{self.host.address}:8008/{page}")


class Databases:
    def __init__(self, network: Network, folder: Path) -> None:
        self.members = [self._member(network, folder, n) for n in (1, 2, 3)]

    def _member(self, network: Network, folder: Path, number: int) -> Member:
        name, address = f"db{number}", f"198.51.100.1{number}"
        place = folder / name
        place.mkdir()
        shutil.chown(place, "postgres", "postgres")
        own = {
            "db1": name,
            "198.51.100.11": address,
            "/var/lib/etcd/kairan": str(place / "etcd"),
            "/var/lib/postgresql/15/kairan": str(place / "data"),
            "/var/lib/postgresql/pgpass": str(place / "pgpass"),
            "/var/run/postgresql": str(place),
        }
        for file in ("etcd.yml", "patroni.yml"):
            (place / file).write_text(example(file, own))
        (place / "patroni.yml").chmod(0o644)
        return Member(network.host(name, address), place)

    def start(self) -> None:
        for member in self.members:
            member.start()

    def primary(self) -> Member | None:
        """Who takes writes, with both standbys synchronous or not."""
        states = ((member, member.state()) for member in self.members)
        return next((m for m, state in states if state.get("role") in {"master", "primary"}), None)

    def standbys(self) -> list[Member]:
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def is_whole(self) -> bool:
        """A primary with two synchronous standbys, so that the next fault finds what is promised; and
        Patroni has noted both, which it does a moment after PostgreSQL.  Before that it promotes neither.
        """
        primary = self.primary()
        if primary is None:
            return False
        streaming = primary.state().get("replication", [])
        synchronous = sum(one["sync_state"] == "sync" for one in streaming)
        return synchronous == primary.promotable() == 2

    def wait_whole(self) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not self.is_whole():
            assert time.monotonic() < deadline, f"no primary with two standbys: {self.tail()}"
            time.sleep(_LOOK_SECONDS)

    def tail(self) -> str:
        logs = (member.folder / "patroni.log" for member in self.members)
        return "\n".join(log.read_text(errors="replace")[-2_000:] for log in logs if log.exists())

    def place(self) -> str:
        primary = self.primary()
        assert primary is not None, "somebody takes writes"
        return primary.host.address

    def say(self, *statements: str) -> None:
        """As the superuser, to the primary."""
        said = [word for statement in statements for word in ("-c", statement)]
        login = f"postgresql://postgres:{PASSWORD}@{self.place()}/postgres"
        _run(["psql", "-v", "ON_ERROR_STOP=1", "-q", login, *said])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def _asked(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:  # a standby answers 503 where it does not run
        return (
            dict(json.load(error)) if error.headers.get_content_type() == "application/json" else {}
        )
    except (OSError, ValueError):
        return {}
