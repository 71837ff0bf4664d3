"""Postfix and Dovecot's login, private to one run: own configuration, queue and ports.

Set so that Postfix is as fast as its documentation makes it (TUNING_README, STRESS_README):
enough processes, no rate limits, no delay between intake and delivery, no look-ups of names or
addresses, maximum concurrency to the one next hop.  What makes its 250 a promise stays: the queue
file is fsync'ed.  Logging goes to a file, as Kairan's does.  Passwords are compared in plain and
kept in Dovecot's cache, which is the cheapest there is.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from bench import process
from bench.contestant import OtherService
from bench.errors import BenchError
from bench.load import TargetListener
from bench.scenario import OF_ANY_SERVICE
from bench.settings import LIST, MAILBOX, PASSWORD, USER, BenchSettings
from bench.sink import Sink

POSTFIX_SBIN = Path("/usr/lib/postfix/sbin")
NEEDED = ("postfix", "postconf", "postmap", "dovecot")
# Smtpd processes for the held sessions and the 200 large messages, with room.
PROCESS_LIMIT = 300
LINE_BASE_OCTETS = 1 << 20

# Of any Postfix that is private to one run, this one and that of the tests; `log`: its file.
PRIVATE_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {log}
maillog_file_prefixes = {folder}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtputf8_enable = yes
"""

# type private unpriv chroot wakeup maxproc command
PRIVATE_SERVICES = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

MAIN_CF = """\
daemon_directory = {sbin}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.bench.invalid
relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_sasl_authenticated, permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 0
default_process_limit = {processes}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_client_auth_rate_limit = 0
smtpd_client_new_tls_session_rate_limit = 0
in_flow_delay = 0
smtp_connection_cache_on_demand = yes
default_destination_concurrency_limit = 100
initial_destination_concurrency = 50
default_destination_concurrency_failed_cohort_limit = 100
message_size_limit = 20480000
virtual_alias_maps = {table}:{folder}/virtual
virtual_alias_expansion_limit = {list_limit}
virtual_alias_recursion_limit = 1000
qmgr_message_recipient_limit = {list_limit}
line_length_limit = {line_limit}
local_recipient_maps =
"""

MASTER_CF = """\
127.0.0.1:{login_port} inet n - n - {smtpd} smtpd
127.0.0.1:{plain_port} inet n - n - {smtpd} smtpd
    -o smtpd_tls_security_level=none -o smtpd_sasl_auth_enable=no
relay unix - - n - - smtp
proxywrite unix - - n - 1 proxymap
"""

DOVECOT_CONF = """\
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain
auth_cache_size = 10 M
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/passwords
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  client_limit = 20000
  unix_listener {folder}/queue/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service anvil {{
  client_limit = 20000
}}
"""


def missing() -> str | None:
    """Why Postfix cannot be measured here, or None."""
    if os.geteuid() != 0:
        return "Postfix can only be started by root"
    absent = [name for name in NEEDED if _program(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (apt-get install postfix dovecot-core)"
    if not _dovecot_version().startswith("2.3"):
        return f"Dovecot {_dovecot_version()} is installed; this knows the settings of 2.3"
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout


def _dovecot_version() -> str:
    return _output(_program("dovecot") or "dovecot", "--version").split(" ")[0].strip()


def _table_kind() -> str:
    """An indexed table of the kinds this Postfix was built with; Debian changes from hash to lmdb."""
    kinds = _output("/usr/sbin/postconf", "-m").split()
    return next(kind for kind in ("hash", "lmdb", "texthash") if kind in kinds)


class Postfix(OtherService):
    name = "postfix"
    kinds = OF_ANY_SERVICE
    encrypts = True
    delivers = True

    def __init__(
        self, folder: Path, sink: Sink, settings: BenchSettings, certificate: tuple[Path, Path]
    ) -> None:
        super().__init__()
        login_port, plain_port = process.free_ports(2)
        self.version = f"Postfix {_output('/usr/sbin/postconf', '-h', 'mail_version').strip()}"
        self.plain = TargetListener(plain_port)
        self.login = TargetListener(login_port, "starttls", USER, PASSWORD)
        self._folder = folder / "postfix"
        self._log = folder / "postfix-start.log"
        self._settings = settings
        self._values = {
            "folder": self._folder,
            "log": self._folder / "postfix.log",
            "sbin": POSTFIX_SBIN,
            "sink_port": sink.port,
            "login_port": login_port,
            "plain_port": plain_port,
            "certificate": certificate[0],
            "key": certificate[1],
            "table": _table_kind(),
            "processes": PROCESS_LIMIT,
            # The list itself is counted too; its members stand on one line of the table.
            "list_limit": settings.list_members + 1_000,
            "line_limit": LINE_BASE_OCTETS + settings.list_members * len(MAILBOX),
            "smtpd": max(PROCESS_LIMIT, settings.idle_sessions_postfix + 50),
        }

    def start(self) -> None:
        if not self._folder.exists():
            self._write()
        process.run(["/usr/sbin/postfix", "-c", str(self._folder), "check"], self._log)
        dovecot = [_program("dovecot") or "", "-F", "-c", str(self._folder / "dovecot.conf")]
        self._run(dovecot, self._log)
        self._wait_for_login_socket()
        master = [str(POSTFIX_SBIN / "master"), "-c", str(self._folder), "-d"]
        running = self._run(master, self._log)
        process.wait_until_open(self.login.port, running, self._log)

    def _write(self) -> None:
        folder = self._folder
        for part in ("queue", "data", "dovecot"):
            (folder / part).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        main, master = PRIVATE_MAIN + MAIN_CF, MASTER_CF + PRIVATE_SERVICES
        (folder / "main.cf").write_text(main.format(**self._values))
        (folder / "master.cf").write_text(master.format(**self._values))
        (folder / "dovecot.conf").write_text(DOVECOT_CONF.format(**self._values))
        (folder / "passwords").write_text(f"{USER}:{PASSWORD}\n")
        self._write_list()

    def _write_list(self) -> None:
        members = ", ".join(MAILBOX % n for n in range(self._settings.list_members))
        (self._folder / "virtual").write_text(f"{LIST} {members}\n")
        if self._values["table"] != "texthash":
            table = f"{self._values['table']}:{self._folder / 'virtual'}"
            process.run(["/usr/sbin/postmap", "-c", str(self._folder), table], self._log)

    def _wait_for_login_socket(self, timeout_seconds: float = 10.0) -> None:
        until = time.monotonic() + timeout_seconds
        while not (self._folder / "queue/private/auth").exists():
            if time.monotonic() > until:
                raise BenchError(f"Dovecot does not start:\n{process.tail(self._log)}")
            time.sleep(0.05)
