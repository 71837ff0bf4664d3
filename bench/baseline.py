"""Another intake to compare with in the same run: a file of the user's.

It is started as `python FILE PORT WORKERS` and once more with `--tls CERTIFICATE KEY` (implicit
TLS).  It need know no login and deliver nothing: what it takes in is what it is measured by.
"""

import sys
from pathlib import Path

from bench import process
from bench.contestant import OtherService
from bench.load import TargetListener
from bench.scenario import Kind
from bench.settings import BenchSettings


class Baseline(OtherService):
    name = "baseline"
    kinds: frozenset[Kind] = frozenset({"intake"})
    encrypts = True
    delivers = False

    def __init__(
        self, folder: Path, file: Path, settings: BenchSettings, certificate: tuple[Path, Path]
    ) -> None:
        super().__init__()
        plain_port, login_port = process.free_ports(2)
        self.version = file.name
        self.plain = TargetListener(plain_port)
        self.login = TargetListener(login_port, "implicit")
        self._log = folder / "baseline.log"
        self._command = [sys.executable, str(file)]
        self._workers = str(settings.workers)
        self._tls = ["--tls", *map(str, certificate)]

    def start(self) -> None:
        for listener, more in ((self.plain, []), (self.login, self._tls)):
            command = [*self._command, str(listener.port), self._workers, *more]
            running = self._run(command, self._log)
            greeting = listener.tls != "implicit"
            process.wait_until_open(listener.port, running, self._log, greeting=greeting)
