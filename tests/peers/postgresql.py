"""A real PostgreSQL of our own for a test session: initdb, a free port, a temporary folder.

PostgreSQL refuses to run as root, so as root we run it as the user `postgres` that Debian's
package makes.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from kit.ports import free_port
from peers.servers import Certificate

_NEEDED = ("initdb", "pg_ctl", "createdb", "pg_basebackup")


def _programs() -> Path | None:
    """Debian keeps initdb out of PATH, one folder per version."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    whole = (f for f in folders if all((f / program).exists() for program in _NEEDED))
    return next(whole, None)


def _user() -> str | None:
    """Who runs the server; None: nobody can."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


class Cluster:
    def __init__(self, folder: Path, programs: Path, user: str, *, syncs: bool) -> None:
        self._data = folder / "data"
        self._folder = folder
        self._programs = programs
        self._user = user
        self._databases = count(1)
        self._tls = ""
        self._fsync = "on" if syncs else "off"
        self.port = free_port()

    @contextmanager
    def standby(self) -> Iterator["Cluster"]:
        """One that follows this one, and that commits wait for while it is named (ALTER SYSTEM)."""
        folder = self._folder / "standby"
        folder.mkdir()
        shutil.chown(folder, self._user)
        other = Cluster(folder, self._programs, self._user, syncs=self._fsync == "on")
        place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "kairan")
        self._run("pg_basebackup", *place, "-D", other._data, "-R", "-c", "fast", "--no-sync")
        other.start()
        try:
            yield other
        finally:
            other.stop()
            shutil.rmtree(folder)

    def create(self) -> None:
        self._run("initdb", "-D", self._data, "-U", "kairan", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")  # fmt: skip

    def encrypt(self, certificate: Certificate) -> None:
        """From the next start on; the key must be the server's own file."""
        for source, name in ((certificate.file, "server.crt"), (certificate.key, "server.key")):
            target = self._folder / name
            shutil.copy(source, target)
            shutil.chown(target, self._user)
            target.chmod(0o600)
        self._tls = (
            f" -c ssl=on -c ssl_cert_file={self._folder}/server.crt"
            f" -c ssl_key_file={self._folder}/server.key"
        )

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
            f" -c fsync={self._fsync} -c shared_buffers=16MB{self._tls}"
        )
        self._run(
            "pg_ctl", "-D", self._data, "-l", self._folder / "log", "-o", options, "-w", "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def new_database(self) -> str:
        """The URL of a new database, a copy of the one named `template`."""
        name = f"kairan{next(self._databases)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "kairan", name)
        return f"postgresql+pg8000://kairan@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str | Path) -> None:
        become = pwd.getpwnam(self._user) if os.geteuid() == 0 else None
        # The server inherits these streams and outlives pg_ctl: a pipe would never end.
        with (self._folder / "commands").open("a+b") as output:
            result = subprocess.run(
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                user=become and become.pw_uid,
                group=become and become.pw_gid,
                extra_groups=[] if become else None,
                check=False,
                timeout=60,
            )
            output.seek(0)
            assert result.returncode == 0, output.read().decode()


@contextmanager
def cluster(*, syncs: bool = False) -> Iterator[Cluster]:
    """`syncs`: what it has committed outlives a kill of the machine, for a test of that promise."""
    programs, user = _programs(), _user()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    if user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="kairan-postgresql-"))
    shutil.chown(folder, user)
    running = Cluster(folder, programs, user, syncs=syncs)
    try:
        running.create()
        running.start()
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
