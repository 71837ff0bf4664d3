"""A Postfix of our own: own configuration, queue and port, delivering into Maildirs."""

import grp
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.postfix import PRIVATE_MAIN, PRIVATE_SERVICES
from kit.ports import free_port
from peers.servers import SmartHost, greets, make_certificate, need, run, wait_until

# More than every private Postfix has.
_MAIN = """\
myhostname = postfix.test
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = {base}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_recipient_restrictions = {may_relay}reject_unauth_destination
smtpd_recipient_limit = 1000
smtpd_client_connection_count_limit = 100
smtpd_tls_security_level = {tls}
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
notify_classes =
"""

_TO_SMART_HOST = """\
relayhost = [127.0.0.1]:{smart_host.port}
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_mechanism_filter = plain, login
smtp_sasl_password_maps = inline:{{
  {{ [127.0.0.1]:{smart_host.port} = {smart_host.user}:{smart_host.password} }} }}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = mail.kairan.test
smtp_tls_CAfile = {base}/authority.pem
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - 100 smtpd
pickup unix n - n 60 1 pickup
discard unix - - n - - discard
virtual unix - n n - - virtual
"""


class Postfix:
    """Takes mail for anybody@postfix.test and delivers it into one Maildir, or relays all mail."""

    host = "127.0.0.1"

    def __init__(self, base: Path, *, tls: bool, smart_host: SmartHost | None) -> None:
        self.base = base
        self.port = free_port()
        self.certificate = make_certificate(base)
        self._is_running = False
        user = pwd.getpwnam("nobody")
        for name in ("config", "queue", "data", "log", "mail"):
            (base / name).mkdir()
        os.chown(base / "data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
        os.chown(base / "mail", user.pw_uid, user.pw_gid)
        # At a start postsuper writes into it as postfix if a killed delivery left a file of its own.
        log = base / "log" / "postfix.log"
        log.touch()
        log.chmod(0o666)
        main = (PRIVATE_MAIN + _MAIN).format(
            folder=base,
            log=log,
            base=base,
            uid=user.pw_uid,
            gid=user.pw_gid,
            tls="may" if tls else "none",
            may_relay="permit_mynetworks, " if smart_host else "",
            certificate=self.certificate.file,
            key=self.certificate.key,
        )
        if smart_host is not None:
            main += _TO_SMART_HOST.format(base=base, smart_host=smart_host)
            (base / "authority.pem").write_bytes(smart_host.authority.read_bytes())
        (base / "config" / "main.cf").write_text(main)
        (base / "config" / "master.cf").write_text(
            _MASTER.format(port=self.port) + PRIVATE_SERVICES
        )

    def start(self) -> None:
        self._postfix("start")
        self._is_running = True
        wait_until(lambda: greets(self.port), "Postfix listens")

    def stop(self) -> None:
        if self._is_running:
            self._is_running = False
            self._postfix("stop")

    def messages(self) -> list[bytes]:
        """What has arrived in the mailbox, as it lies there."""
        new = self.base / "mail" / "all" / "new"
        return [path.read_bytes() for path in sorted(new.glob("*"))]

    def log(self) -> str:
        path = self.base / "log" / "postfix.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _postfix(self, verb: str) -> None:
        run(["/usr/sbin/postfix", "-c", str(self.base / "config"), verb])


@contextmanager
def postfix_smtp(smart_host: SmartHost | None = None, *, tls: bool = False) -> Iterator[Postfix]:
    """Running, and stopped at the end.  Not under pytest's folder: other users must get in."""
    need("postfix")
    with tempfile.TemporaryDirectory(prefix="kairan-postfix-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        server = Postfix(base, tls=tls, smart_host=smart_host)
        server.start()
        try:
            yield server
        finally:
            server.stop()
