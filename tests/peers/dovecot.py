"""A Dovecot of our own that takes mail by LMTP into Maildirs, on a port and on a Unix socket."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.ports import free_port
from peers.servers import greets, need, run, wait_until

_CONFIGURATION = """\
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
ssl = no
protocols = lmtp
listen = 127.0.0.1
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_location = maildir:{base}/mail/%Lu
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
auth_username_chars =
lmtp_rcpt_check_quota = no
postmaster_address = postmaster@dovecot.test
recipient_delimiter =
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {base}/users
}}
service lmtp {{
  unix_listener {base}/lmtp.socket {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """`users` exist; every other recipient is refused with 550 5.1.1."""

    host = "127.0.0.1"

    def __init__(self, base: Path, users: tuple[str, ...]) -> None:
        self.base = base
        self.port = free_port()
        self.socket_path = base / "lmtp.socket"
        self.users = users
        self._is_running = False
        nobody = pwd.getpwnam("nobody")
        (base / "mail").mkdir()
        os.chown(base / "mail", nobody.pw_uid, nobody.pw_gid)
        lines = (f"{user}::{nobody.pw_uid}:{nobody.pw_gid}::{base}/mail/{user}::" for user in users)
        (base / "users").write_text("\n".join(lines) + "\n")
        text = _CONFIGURATION.format(
            base=base, uid=nobody.pw_uid, gid=nobody.pw_gid, port=self.port
        )
        (base / "dovecot.conf").write_text(text)

    def start(self) -> None:
        run(["/usr/sbin/dovecot", "-c", str(self.base / "dovecot.conf")])
        self._is_running = True
        wait_until(lambda: greets(self.port), f"Dovecot listens: {self.log()}")

    def stop(self) -> None:
        if self._is_running:
            self._is_running = False
            run(["/usr/sbin/dovecot", "-c", str(self.base / "dovecot.conf"), "stop"])
            # The command does not wait for sessions that are under way.
            master = self.base / "run" / "master.pid"
            wait_until(lambda: not master.exists(), f"Dovecot has stopped: {self.log()}")

    def mailbox(self, user: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.base / "mail" / user).glob("new/*"))]

    def messages(self) -> list[bytes]:
        """In all mailboxes."""
        return [message for user in self.users for message in self.mailbox(user)]

    def log(self) -> str:
        path = self.base / "log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def dovecot_lmtp(*users: str) -> Iterator[Dovecot]:
    """Running, and stopped at the end."""
    need("dovecot", "lmtp")
    with tempfile.TemporaryDirectory(prefix="kairan-dovecot-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        server = Dovecot(base, users or ("a@dovecot.test", "b@dovecot.test"))
        server.start()
        try:
            yield server
        finally:
            server.stop()
