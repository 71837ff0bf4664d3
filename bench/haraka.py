"""Haraka, private to one run: own configuration, queue and ports.

Set as its own documentation says for a relay: as many processes as Kairan has workers (`nodes`), its
outbound queue on disk, whose files it syncs before the 250, everything to the one next hop without
TLS, at most 50 deliveries at once in a process, no look-ups of names.  Over the one port it takes mail as it comes, over the other after
STARTTLS and AUTH PLAIN, compared in plain (auth/flat_file).  It logs what its default says: warnings.
"""

import json
import shutil
from pathlib import Path

from bench import process
from bench.contestant import OtherService
from bench.load import TargetListener
from bench.scenario import Kind
from bench.settings import PASSWORD, USER, BenchSettings
from bench.sink import Sink

# As `make peers` installs it, for tests too.
_INSTALLED = Path(__file__).parents[1] / "tests/peers/haraka/node_modules/Haraka"

_FILES = {
    "config/me": "haraka.bench.invalid\n",
    "config/plugins": "tls\nauth/flat_file\nbench_relay\n",
    "config/smtp.ini": "listen=127.0.0.1:{plain_port},127.0.0.1:{login_port}\nnodes={workers}\n",
    "config/tls.ini": "key=key.pem\ncert=certificate.pem\nno_starttls_ports[]={plain_port}\n",
    "config/auth_flat_file.ini": "[core]\nmethods=PLAIN\nconstrain_sender=false\n[users]\n{user}={password}\n",
    "config/outbound.ini": (
        "enable_tls=false\nlocal_mx_ok=true\nconcurrency_max=50\ntemp_fail_intervals=5s*100\n"
    ),
    # It has no defaults for these once the folder is ours.
    "config/connection.ini": (
        "[max]\nbytes=20480000\nline_length=512\ndata_line_length=1001\n[message]\nhelo=Haraka\nclose=bye\n"
        "[uuid]\nbanner_chars=0\ndeny_chars=0\n[headers]\nmax_lines=1000\nmax_received=100\n"
    ),
    # Mail of whoever is let in is to go out, all of it to the sink.
    "plugins/bench_relay.js": """\
"use strict";
exports.hook_lookup_rdns = (next) => next(OK, "client");
exports.hook_mail = (next, connection) => {{
  connection.relaying = true;
  next();
}};
exports.hook_get_mx = (next) =>
  next(OK, {{ exchange: "127.0.0.1", port: {sink_port}, priority: 0 }});
""",
}


def missing() -> str | None:
    """Why it cannot be measured here, or None."""
    if shutil.which("node") is None:
        return "Haraka needs node (apt-get install nodejs)"
    return None if (_INSTALLED / "bin/haraka").exists() else "Haraka is not installed: make peers"


def _version() -> str:
    return str(json.loads((_INSTALLED / "package.json").read_text())["version"])


class Haraka(OtherService):
    name = "haraka"
    kinds: frozenset[Kind] = frozenset({"intake"})
    encrypts = True
    delivers = True

    def __init__(
        self, folder: Path, sink: Sink, settings: BenchSettings, certificate: tuple[Path, Path]
    ) -> None:
        super().__init__()
        plain_port, login_port = process.free_ports(2)
        self.version = f"Haraka {_version()}"
        self.plain = TargetListener(plain_port)
        self.login = TargetListener(login_port, "starttls", USER, PASSWORD)
        self._folder = folder / "haraka"
        self._log = folder / "haraka.log"
        self._certificate = certificate
        self._values = {
            "plain_port": plain_port,
            "login_port": login_port,
            "sink_port": sink.port,
            "workers": settings.workers,
            "user": USER,
            "password": PASSWORD,
        }

    def start(self) -> None:
        if not self._folder.exists():
            self._write()
        command = ["node", str(_INSTALLED / "bin/haraka"), "-c", str(self._folder)]
        running = self._run(command, self._log)
        for listener in (self.plain, self.login):
            process.wait_until_open(listener.port, running, self._log)

    def _write(self) -> None:
        for name, text in _FILES.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(**self._values))
        for path in self._certificate:
            shutil.copy(path, self._folder / "config" / path.name)
