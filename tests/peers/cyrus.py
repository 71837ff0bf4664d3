"""A Cyrus of our own that takes mail by LMTP; mailboxes come to be with their first message."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.ports import free_port
from peers.servers import need, wait_greeting

_PROGRAMS = Path("/usr/lib/cyrus/bin")

_IMAPD = """\
configdirectory: {base}/state
partition-default: {base}/mail
servername: cyrus.test
defaultdomain: cyrus.test
virtdomains: userid
unixhierarchysep: yes
autocreate_post: yes
autocreate_quota: 0
duplicatesuppression: no
reject8bit: no
munge8bit: no
"""

_MASTER = """\
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {base}/imapd.conf -r"
}}
SERVICES {{
  lmtp cmd="{programs}/lmtpd -C {base}/imapd.conf -a" listen="127.0.0.1:{port}" proto="tcp" prefork=1
}}
EVENTS {{
}}
"""


class Cyrus:
    host = "127.0.0.1"

    def __init__(self, base: Path) -> None:
        self.base = base
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam("cyrus")
        for name in ("state", "mail"):
            (base / name).mkdir()
            os.chown(base / name, user.pw_uid, user.pw_gid)
        (base / "imapd.conf").write_text(_IMAPD.format(base=base))
        master = _MASTER.format(base=base, port=self.port, programs=_PROGRAMS)
        (base / "cyrus.conf").write_text(master)

    def start(self) -> None:
        with (self.base / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(_PROGRAMS / "master", "-D", "-C", self.base / "imapd.conf"),
                    *("-M", self.base / "cyrus.conf", "-p", self.base / "pid"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_greeting(self.port, self.log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def mailbox(self, address: str) -> list[bytes]:
        """What has arrived for this recipient, as it lies there."""
        user = pwd.getpwnam("cyrus")
        found = subprocess.run(
            [_PROGRAMS / "mbpath", "-C", self.base / "imapd.conf", f"user/{address}"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            user=user.pw_uid,
            group=user.pw_gid,
        )
        folder = Path(found.stdout.strip())
        return [path.read_bytes() for path in sorted(folder.glob("*."))] if found.stdout else []

    def log(self) -> str:
        return (self.base / "output").read_text(errors="replace")


@contextmanager
def cyrus_lmtp() -> Iterator[Cyrus]:
    """Running, and stopped at the end."""
    need(str(_PROGRAMS / "master"), str(_PROGRAMS / "lmtpd"))
    with tempfile.TemporaryDirectory(prefix="kairan-cyrus-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        server = Cyrus(base)
        try:
            server.start()
            yield server
        finally:
            server.stop()
