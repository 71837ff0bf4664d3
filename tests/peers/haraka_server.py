"""A Haraka of our own: mail becomes files, or goes on to a smart host."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.ports import free_port
from peers.servers import SmartHost, wait_greeting

_HERE = Path(__file__).parent / "haraka"
_PROGRAM = _HERE / "node_modules" / "Haraka" / "bin" / "haraka"

# A folder of our own replaces these files of Haraka's; it needs each of their sections.  Longer
# lines are broken in two: 998 octets, CRLF, and the dot before them, which RFC 5321 does not count.
_CONNECTION = """\
[max]
bytes=50000000
line_length=1000
data_line_length=1001
[message]
helo=Haraka
close=bye
[uuid]
banner_chars=0
deny_chars=0
[headers]
max_lines=1000
max_received=100
"""
_FORWARD = """\
host=127.0.0.1
port={smart_host.port}
enable_tls=true
auth_type=plain
auth_user={smart_host.user}
auth_pass={smart_host.password}
"""


class Haraka:
    host = "127.0.0.1"

    def __init__(self, base: Path, smart_host: SmartHost | None) -> None:
        self.base = base
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("config", "plugins", "mail"):
            (base / name).mkdir()
        for plugin in _HERE.glob("kairan_*.js"):
            shutil.copy(plugin, base / "plugins")
        if smart_host is None:
            plugins = "kairan_files\n"
        else:
            plugins = "kairan_accept\nqueue/smtp_forward\n"
            self._configure("smtp_forward.ini", _FORWARD.format(smart_host=smart_host))
        self._configure("plugins", plugins)
        self._configure("me", "haraka.test\n")
        self._configure("smtp.ini", f"listen=127.0.0.1:{self.port}\n")
        self._configure("connection.ini", _CONNECTION)

    def start(self) -> None:
        with (self.base / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["node", str(_PROGRAM), "-c", str(self.base)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "KAIRAN_MAIL": str(self.base / "mail")},
            )
        wait_greeting(self.port, self.log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def mailbox(self, address: str) -> list[bytes]:
        """What has arrived for this recipient."""
        return [
            path.with_suffix(".eml").read_bytes()
            for path in sorted((self.base / "mail").glob("*.json"))
            if address in json.loads(path.read_text())
        ]

    def log(self) -> str:
        return (self.base / "log").read_text(errors="replace")

    def _configure(self, name: str, text: str) -> None:
        (self.base / "config" / name).write_text(text)


@contextmanager
def haraka_smtp(smart_host: SmartHost | None = None) -> Iterator[Haraka]:
    """Running, and stopped at the end.  With a smart host it relays; without, it keeps the mail."""
    if not _PROGRAM.is_file():
        pytest.skip("needs npm's Haraka (make peers)")
    with tempfile.TemporaryDirectory(prefix="kairan-haraka-") as folder:
        server = Haraka(Path(folder), smart_host)
        try:
            server.start()
            yield server
        finally:
            server.stop()
