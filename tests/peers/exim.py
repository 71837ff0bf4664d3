"""An Exim of our own: mail goes into one Maildir, or on to a smart host.

Debian's Exim conflicts with its Postfix: install.sh unpacks it into a folder, and it runs from there.
"""

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.ports import free_port
from peers.servers import SmartHost, need, wait_greeting

_PROGRAM = Path(__file__).parent / "unpacked" / "usr" / "sbin" / "exim4"
_USER = "Debian-exim"  # compiled in

# Exim starts itself anew for each delivery.  It has laid down root's rights by then, and may not
# take them up again with a configuration that is not Debian's; deliveries are the user's own.
_MAIN = """\
exim_path = {program}
primary_hostname = exim.test
spool_directory = {base}/spool
log_file_path = {base}/log/%slog
pid_file_path = {base}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
deliver_drop_privilege
keep_environment =
message_size_limit = 50M
tls_advertise_hosts =
acl_smtp_rcpt = accept_all
begin acl
accept_all:
  accept
"""

_INTO_FILES = """\
begin routers
everybody:
  driver = accept
  transport = files
begin transports
files:
  driver = appendfile
  directory = {base}/mail
  maildir_format
  use_crlf
  batch_max = 1
  user = Debian-exim
  envelope_to_add
  return_path_add
  delivery_date_add
"""

_TO_SMART_HOST = """\
begin routers
everybody:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  port = {smart_host.port}
  hosts_require_tls = *
  hosts_require_auth = *
  tls_verify_certificates = {base}/authority.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames =
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{smart_host.user}^{smart_host.password}
"""


class Exim:
    host = "127.0.0.1"

    def __init__(self, base: Path, smart_host: SmartHost | None) -> None:
        self.base = base
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam(_USER)
        for name in ("spool", "log", "mail"):
            (base / name).mkdir()
            os.chown(base / name, user.pw_uid, user.pw_gid)
        rest = _INTO_FILES if smart_host is None else _TO_SMART_HOST
        text = (_MAIN + rest).format(
            base=base, program=_PROGRAM, port=self.port, smart_host=smart_host
        )
        (base / "exim.conf").write_text(text)
        if smart_host is not None:
            # Not every folder on the way to the original is open to Exim's user.
            (base / "authority.pem").write_bytes(smart_host.authority.read_bytes())

    def start(self) -> None:
        with (self.base / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [_PROGRAM, "-C", str(self.base / "exim.conf"), "-bdf"],
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
        """What has arrived for this recipient."""
        wanted = re.compile(
            rb"^Envelope-to: " + re.escape(address.encode()) + rb"\r$", re.MULTILINE
        )
        everything = (path.read_bytes() for path in sorted((self.base / "mail").glob("new/*")))
        return [message for message in everything if wanted.search(message)]

    def log(self) -> str:
        files = [self.base / "output", *(self.base / "log").iterdir()]
        return "".join(path.read_text(errors="replace") for path in files)


@contextmanager
def exim_smtp(smart_host: SmartHost | None = None) -> Iterator[Exim]:
    """Running, and stopped at the end.  With a smart host it relays; without, it keeps the mail."""
    need(str(_PROGRAM))
    with tempfile.TemporaryDirectory(prefix="kairan-exim-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        server = Exim(base, smart_host)
        try:
            server.start()
            yield server
        finally:
            server.stop()
