"""Kairan with its spool in a PostgreSQL of its own, on this machine: against itself with SQLite.

The server syncs and is as its package sets it, but for the memory that a server of this use would have.  As root it
runs as Debian's user `postgres`, for PostgreSQL refuses to be root.
"""

import os
import shutil
from pathlib import Path

from bench import process
from bench.errors import BenchError
from bench.kairan_service import Kairan
from bench.settings import BenchSettings
from bench.sink import Sink
from kairan import __version__

_SERVER_USER = "postgres"
_DATABASE = "mail"
_OPTIONS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=256MB"


def programs() -> Path | None:
    """Debian keeps them out of PATH, one folder for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def check() -> None:
    """Raises BenchError where it cannot be measured."""
    if programs() is None:
        raise BenchError("PostgreSQL is not installed (Debian: postgresql)")


class Server:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "commands.log"
        (self.port,) = process.free_ports(1)
        self._data = folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://bench@127.0.0.1:{self.port}/{_DATABASE}"

    def start(self) -> None:
        is_new = not self._folder.exists()
        if is_new:
            self._folder.mkdir()
            if os.geteuid() == 0:
                shutil.chown(self._folder, _SERVER_USER)
            self._run("initdb", "-D", self._data, "-U", "bench", "-A", "trust", "-E", "UTF8")
        options = f"-p {self.port} {_OPTIONS}"
        log = self._folder / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-o", options, "-w", "start")
        if is_new:
            where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "bench")
            self._run("createdb", *where, _DATABASE)

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")

    def wal_octets(self) -> int:
        """Written since it was made."""
        program = programs()
        assert program is not None, "it runs"
        login = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-d", _DATABASE)
        asked = "SELECT pg_current_wal_insert_lsn() - '0/0'"
        return int(process.ask([str(program / "psql"), *login, "-At", "-c", asked]))

    def root(self) -> int:
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def _run(self, program: str, *words: str | Path) -> None:
        found = programs()
        assert found is not None, "whoever takes part was asked whether it can"
        become = ["setpriv", "--reuid", _SERVER_USER, "--regid", _SERVER_USER, "--clear-groups"]
        command = [str(found / program), *map(str, words)]
        process.to_end([*become, *command] if os.geteuid() == 0 else command, self._log)


class KairanOnPostgresql(Kairan):
    name = "postgresql"
    version = f"Kairan {__version__} on PostgreSQL"

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        settings: BenchSettings,
        certificate: tuple[Path, Path],
    ) -> None:
        own = folder / self.name
        own.mkdir()
        own.chmod(0o755)
        self._server = Server(own / "server")
        super().__init__(own, sink, settings, certificate, spool={"url": self._server.url})

    def start(self) -> None:
        self._server.start()
        super().start()

    def roots(self) -> list[int]:
        return [*super().roots(), self._server.root()]

    def stop(self) -> None:
        super().stop()
        self._server.stop()
