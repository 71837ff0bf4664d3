"""`kairan demo --gateway`: two services, so that the whole chain is seen without a tenant.

    printer ──▶ D: the gateway ──token, held sessions──▶ D/upstream: High Volume Email as of 2026

The upstream is a demo of its own, with its own issuer, mailboxes and groups, run as a child; the gateway
knows no mailbox, and is the account printer@kairan.test there.  `D/upstream/log` is what it says.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kairan.cli import sample
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.config.installation import Gateway, Installation, install
from kairan.directory.store import Directory
from kairan.runtime.files import private_file

UPSTREAM = "upstream"
SECRET = "hve.secret"  # noqa: S105 - the name of the file
HOST = "127.0.0.1"
_START_SECONDS_MAX = 90.0
_PROFILE = '\n# The edition of 2026: an account sends as itself alone.\n[auth.tokens]\nprofile = "hve-2026"\n'


def prepare_upstream(place: Path, make: Callable[[Path], None]) -> None:
    """`make`: the installation of a demo."""
    file = place / UPSTREAM / "kairan.toml"
    if file.exists():
        return
    make(place / UPSTREAM)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(_PROFILE)


@contextmanager
def running_upstream(place: Path) -> Iterator[dict[str, Any]]:
    """Its demo.json, once it takes mail."""
    folder = place / UPSTREAM
    port = read_configuration(folder / "kairan.toml", as_owner=False).listeners[0].port
    log = folder / "log"
    # Until the gateway serves, and has handlers of its own, the child must not be left behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "kairan", "demo", "--dir", folder, "--smtp-port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_ready(child, log)
        yield json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    finally:
        child.terminate()
        child.wait()


def _wait_ready(child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while not any(line.startswith("ready: ") for line in log.read_text("utf-8").splitlines()):
        if child.poll() is not None or time.monotonic() > deadline:
            raise BadInputError(f"the upstream of the demo does not start; {log} says why")
        time.sleep(0.05)


def install_gateway(plan: Installation, upstream: dict[str, Any], *, device_port: int) -> None:
    """`plan`: of a demo without a gateway; it gets what reaches `upstream`."""
    oauth = upstream["oauth"]
    authority, _, tenant = oauth["authority"].rpartition("/")
    gateway = Gateway(
        user=sample.address("printer"),
        client_id=oauth["client_id"],
        tenant=tenant,
        secret_file=Path(SECRET),
        networks=("127.0.0.0/8", "::1/128"),
        device_account=sample.address("printer"),
        device_host=HOST,
        device_port=device_port,
        upstream=f"localhost:{upstream['smtp_port']}",
        authority=authority,
        scope=oauth["scope"],
        ca_file=Path(upstream["ca_file"]),
    )
    whole = replace(plan, gateway=gateway, issuer_port=None)
    install(whole, now=datetime.now(UTC), fill=_fill)
    with private_file(plan.place / SECRET) as file:
        file.write(f"{oauth['client_secret']}\n".encode())


def _fill(directory: Directory) -> None:
    """The accounts alone: who has a mailbox, the upstream knows."""
    directory.set_organisation(name="Kairan Test", postmaster=sample.address("postmaster"))
    for name, aliases in sample.ACCOUNTS.items():
        directory.add_account(
            sample.address(name), aliases=[sample.address(alias) for alias in aliases]
        )
