"""docs/operations.md, "Install" and "systemd": each command, word by word, in an empty Debian.

    the root      mmdebstrap's smallest, of this machine's release, from the mirror that apt uses here
    the source    a copy of this checkout, in which the page's commands are typed
    pip           with this machine's index and settings
    systemctl     there is no systemd in a root: a stand-in starts ExecStart of the unit that the page
                  has copied, as its User, with its AmbientCapabilities and UMask, and waits until it is ready
    the files     people.csv and the others, which the page presupposes

It takes a minute or more and needs root and mmdebstrap, so it runs once, in this file.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.debian import DebianRoot, can_make_roots, copied

pytestmark = [
    pytest.mark.installation,
    pytest.mark.skipif(not can_make_roots(), reason="needs root and mmdebstrap"),
]

SOURCE = Path(__file__).parents[2]
PAGE = SOURCE / "docs" / "operations.md"
CHECKOUT = "/usr/src/kairan"
# With columns of a personnel system that are none of ours to read in a list of members.
FILES = {
    "people.csv": "address,displayName,department\n"
    "akiko@example.com,Akiko,Sales\nben@example.com,Ben,IT\n",
    "everyone.csv": "address,displayName,department\n"
    "akiko@example.com,Akiko,Finance\ncleo@example.com,Cleo,IT\n",
    "printers.csv": "address,aliases\nscanner@example.com,mfp@example.com\n",
}
SYSTEMCTL = """\
#!/bin/sh
set -eu
[ "$*" = "enable --now kairan" ] || { echo "systemctl: no stand-in for $*" >&2; exit 1; }
unit=/etc/systemd/system/kairan.service
setting() { sed -n "s/^$1=//p" $unit; }
capability=$(setting AmbientCapabilities | tr A-Z a-z | sed s/^cap_//)
umask "$(setting UMask)"
setpriv --reuid "$(setting User)" --regid "$(setting Group)" --init-groups --no-new-privs \\
  --inh-caps "-all,+$capability" --ambient-caps "-all,+$capability" --bounding-set "-all,+$capability" \\
  $(setting ExecStart) > /var/log/kairan.log 2>&1 &
echo $! > /run/kairan.pid
for attempt in $(seq 600); do
  grep -qs event=service.ready /var/log/kairan.log && exit 0
  kill -0 $! || break
  sleep 0.1
done
cat /var/log/kairan.log >&2
exit 1
"""
SEND = """\
/opt/kairan/bin/python - "$(sed -n 1p /run/password)" <<'PY'
import smtplib, ssl, sys
with smtplib.SMTP("127.0.0.1", 587, timeout=60) as client:
    client.starttls(context=ssl.create_default_context(cafile="/etc/kairan/tls/ca.pem"))
    client.login("printer@example.com", sys.argv[1])
    text = "From: printer@example.com\\r\\nTo: all-hands@example.com\\r\\nSubject: First\\r\\n\\r\\nHello.\\r\\n"
    client.sendmail("printer@example.com", ["all-hands@example.com"], text)
PY
for attempt in $(seq 600); do
  grep -rqs "Subject: First" /var/lib/kairan/maildir/akiko@example.com/new && break
  sleep 0.1
done
export KAIRAN_CONFIG=/etc/kairan/kairan.toml
cat /var/lib/kairan/maildir/akiko@example.com/new/*
kairan status
kairan trace --to akiko@example.com
stat -c %U /proc/$(cat /run/kairan.pid)
"""


def commands(section: str) -> str:
    """All blocks of shell commands of a section of the page, in their order."""
    text = PAGE.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {section}$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", body, re.MULTILINE | re.DOTALL))


def copy_checkout(root: DebianRoot) -> None:
    """What Git knows of, as it is now: no environment, no cache."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (SOURCE / name).is_file():
            target = root.place / CHECKOUT.removeprefix("/") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, target)


@pytest.fixture(scope="module")
def root(base_root, tmp_path_factory):
    root = copied(base_root, tmp_path_factory.mktemp("debian") / "root")
    copy_checkout(root)
    for name, text in FILES.items():
        (root.place / CHECKOUT.removeprefix("/") / name).write_text(text)
    yield root
    shutil.rmtree(root.place)


def test_the_page_installs_a_service_that_delivers(root):
    said = root.run(f"set -x\n{commands('Install')}", folder=CHECKOUT)
    assert "kairan.toml is in order" in said
    place = root.place
    assert (place / "usr/local/bin/kairan").is_symlink()
    assert (place / "var/lib/kairan").stat().st_mode & 0o777 == 0o700
    assert (place / "etc/kairan/tls/server.key").stat().st_mode & 0o777 == 0o640
    password = re.search(r"printer@example\.com\D.*?([a-z0-9]{24})", said, re.DOTALL)
    assert password is not None, said
    (place / "run/password").write_text(f"{password[1]}\n")
    systemctl = place / "usr/local/bin/systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)

    said = root.run(f"{commands('systemd')}\n{SEND}", folder=CHECKOUT, has_network=False)
    assert "Subject: First" in said
    assert "accepting mail" in said
    assert "DELIVER" in said
    assert said.rstrip().endswith("kairan"), said  # whose process it is
