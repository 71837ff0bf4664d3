"""`make deb`: the package is installed with apt in an empty Debian, serves, is upgraded, removed and purged.

There is no systemd in a root: a stand-in does what the package's scripts and an administrator ask of
`systemctl`, with the unit that the package has installed: ExecStart as its User with its
AmbientCapabilities, SIGTERM to stop.
"""

import json
import shutil
import smtplib
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.debian import can_make_roots, copied

pytestmark = [
    pytest.mark.installation,
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed"),
]
needs_roots = pytest.mark.skipif(not can_make_roots(), reason="needs root and mmdebstrap")

SYSTEMCTL = r"""#!/bin/sh
set -eu
unit=/lib/systemd/system/kairan.service
verb=""
for word in "$@"; do case "$word" in -*|kairan*) ;; *) [ -n "$verb" ] || verb=$word ;; esac; done
running() { [ -e /run/kairan.pid ] && kill -0 "$(cat /run/kairan.pid)" 2>/dev/null; }
setting() { sed -n "s/^$1=//p" $unit; }
echo "$*" >> /var/log/systemctl
case "$verb" in
  daemon-reload|show) ;;
  is-enabled) [ -e /etc/systemd/system/multi-user.target.wants/kairan.service ] && echo enabled ;;
  is-active) running ;;
  start)
    running && exit 0
    capability=$(setting AmbientCapabilities | tr A-Z a-z | sed s/^cap_//)
    umask "$(setting UMask)"
    : > /var/log/kairan.log
    setpriv --reuid "$(setting User)" --regid "$(setting Group)" --init-groups --no-new-privs \
      --inh-caps "-all,+$capability" --ambient-caps "-all,+$capability" \
      --bounding-set "-all,+$capability" $(setting ExecStart) > /var/log/kairan.log 2>&1 &
    echo $! > /run/kairan.pid
    for attempt in $(seq 900); do
      grep -qs event=service.ready /var/log/kairan.log && exit 0
      kill -0 $! || break
      sleep 0.1
    done
    cat /var/log/kairan.log >&2
    exit 1 ;;
  stop)
    running || exit 0
    kill "$(cat /run/kairan.pid)"
    for attempt in $(seq 900); do running || { rm /run/kairan.pid; exit 0; }; sleep 0.1; done
    exit 1 ;;
  *) echo "systemctl: no stand-in for $*" >&2; exit 1 ;;
esac
"""
INSTALL = """
apt-get update -qq
apt-get install --yes -qq --no-install-recommends /kairan.deb > /var/log/apt.out 2>&1 || { cat /var/log/apt.out; exit 1; }
dpkg --status kairan | grep Status
kairan check-config -c /etc/kairan/kairan.toml
"""
# In a root of its own network: port 587 is free there.
LIFE = """
mkdir -p /run/systemd/system
say() { echo "== $*"; }
processes() { grep -ls "^Uid:.$(id -u kairan)" /proc/[0-9]*/status | wc -l; }
send() {
  /opt/kairan/bin/python3 - "$password" "$1" <<'PY'
import smtplib, ssl, sys
with smtplib.SMTP("127.0.0.1", 587, timeout=60) as client:
    client.starttls(context=ssl.create_default_context(cafile="/etc/kairan/tls/ca.pem"))
    client.login("printer@example.com", sys.argv[1])
    text = f"From: printer@example.com\\r\\nTo: ann@example.com\\r\\nSubject: {sys.argv[2]}\\r\\n\\r\\nHello.\\r\\n"
    client.sendmail("printer@example.com", ["ann@example.com"], text)
PY
  for attempt in $(seq 600); do
    grep -rqs "Subject: $1" /var/lib/kairan/maildir/ann@example.com/new && { say "$1 arrived"; return; }
    sleep 0.1
  done
  cat /var/log/kairan.log; exit 1
}
export KAIRAN_CONFIG=/etc/kairan/kairan.toml
kairan domain add example.com > /dev/null
kairan mailbox add ann@example.com > /dev/null
password=$(kairan account add printer@example.com --generate --json | sed -n 's/.*"password": "\\([^"]*\\)".*/\\1/p')
systemctl start kairan.service
say "runs as $(stat -c %U:%G /proc/$(cat /run/kairan.pid)) with $(processes) processes"
send first
echo "# mine" >> /etc/kairan/kairan.toml
first=$(cat /run/kairan.pid)
dpkg -i /kairan.deb > /var/log/dpkg.out 2>&1 || { cat /var/log/dpkg.out; exit 1; }
[ "$first" != "$(cat /run/kairan.pid)" ] && say "upgraded and started anew"
tail -n 1 /etc/kairan/kairan.toml
send second
dpkg -r kairan > /var/log/dpkg.out 2>&1 || { cat /var/log/dpkg.out; exit 1; }
say "removed: $(processes) processes, $(ls /opt | wc -l) in /opt, $(ls /etc/kairan | tr '\\n' ' ')"
dpkg -P kairan > /var/log/dpkg.out 2>&1 || { cat /var/log/dpkg.out; exit 1; }
say "purged: $(ls -d /etc/kairan /var/lib/kairan /usr/bin/kairan /etc/systemd/system/*/kairan* 2>/dev/null | wc -l) left"
"""


@pytest.fixture(scope="module")
def root(base_root, package, tmp_path_factory):
    root = copied(base_root, tmp_path_factory.mktemp("package") / "root")
    shutil.copy(package, root.place / "kairan.deb")
    yield root
    shutil.rmtree(root.place)


@needs_roots
def test_the_package_is_installed_serves_is_upgraded_and_leaves_nothing(root):
    said = root.run(INSTALL)
    assert "Status: install ok installed" in said
    assert "kairan.toml is in order" in said
    place = root.place
    users = (line.split(":") for line in (place / "etc/passwd").read_text().splitlines())
    [(uid, gid)] = [(int(line[2]), int(line[3])) for line in users if line[0] == "kairan"]
    for name, mode, owner, group in (
        ("opt/kairan/bin/kairan", 0o755, 0, 0),
        ("opt/kairan/pyvenv.cfg", 0o644, 0, 0),
        ("etc/kairan", 0o750, 0, gid),
        ("etc/kairan/kairan.toml", 0o640, 0, gid),
        ("etc/kairan/tls/server.key", 0o640, 0, gid),
        ("etc/kairan/tls/ca.key", 0o600, 0, gid),
        ("var/lib/kairan", 0o700, uid, gid),
        ("var/lib/kairan/directory.db", 0o600, uid, gid),
        ("lib/systemd/system/kairan.service", 0o644, 0, 0),
    ):
        found = (place / name).stat()
        assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, owner, group), name
    others = [path for path in (place / "opt/kairan").rglob("*") if path.lstat().st_uid != 0]
    assert not others
    wanted = place / "etc/systemd/system/multi-user.target.wants/kairan.service"
    assert wanted.is_symlink()

    systemctl = place / "usr/bin/systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    said = root.run(LIFE, has_network=False)
    lines = [line for line in said.splitlines() if line.startswith(("==", "# mine"))]
    assert lines[0].startswith("== runs as kairan:kairan with ")
    assert int(lines[0].split()[5]) >= 3  # the supervisor, a worker, its helper
    assert lines[1:5] == [
        "== first arrived",
        "== upgraded and started anew",
        "# mine",
        "== second arrived",
    ], said
    assert lines[5] == "== removed: 0 processes, 0 in /opt, kairan.toml tls ", said
    assert lines[6] == "== purged: 0 left", said


def test_the_package_says_what_it_is(package):
    shown = subprocess.run(
        ["dpkg-deb", "--field", package], capture_output=True, text=True, check=True
    ).stdout
    fields = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line)
    assert fields["Package"] == "kairan"
    assert "python3 (>= 3." in fields["Depends"]
    listed = subprocess.run(
        ["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(line.split()[1] == "root/root" for line in listed)
    assert not [line for line in listed if "direct_url.json" in line]


@contextmanager
def demo(python: Path, folder: Path):
    process = subprocess.Popen(
        [python, "-I", "-m", "kairan", "demo", "--dir", folder],
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=90)


@pytest.mark.skipif(
    not Path("/usr/bin/python3").exists(), reason="the package is for Debian's python3"
)
def test_the_wheel_in_an_environment_of_its_own_runs_the_demo(package, tmp_path):
    """The package's environment holds the wheel and the locked requirements, and nothing of ours."""
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "x"], check=True)
    python = tmp_path / "x" / "opt" / "kairan" / "bin" / "python3"
    given = tmp_path / "demo" / "demo.json"
    with demo(python, tmp_path / "demo") as process:
        end = time.monotonic() + 60
        while not given.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert given.exists(), process.stdout.read()
        facts = json.loads(given.read_text())
        account = facts["accounts"][0]
        with smtplib.SMTP(facts["smtp_host"], facts["smtp_port"], timeout=60) as client:
            client.starttls(context=ssl.create_default_context(cafile=facts["ca_file"]))
            client.login(account["address"], account["password"])
            client.sendmail(account["address"], ["user001@kairan.test"], "Subject: wheel\r\n\r\nx")
