"""A full disk, files cut short, doubled or foreign: 452 and never 250, nothing lost."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kairan.spool.sqlite.operator.view import ShardView
from kit.live import running_service, wait_for

MIB = 1024 * 1024
TMPFS_MIB = 64


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own that is soon full."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m", "tmpfs", str(place)]
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root can mount a small tmpfs")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


# What was put off is tried again at once when it can go.
SOON = "[delivery.retry]\nfirst_seconds = 1.0\nmin_seconds = 0.1\n"


def fill(disk, *, leave=0):
    """A file that takes all but `leave` octets."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb", buffering=0) as file:
        try:
            for _ in range(max(free - leave, 0) // 4096):
                file.write(b"\0" * 4096)
        except OSError:
            pass
    return filler


def send_one(service, marker, octets=4_096):
    with service.client("device") as client:
        answer = client.ask(b"MAIL FROM:<printer@kairan.test>")
        if answer.startswith("250"):
            client.ask(b"RCPT TO:<user001@kairan.test>")
            client.ask(b"DATA")
            client.say(b"Subject: " + marker + b"\r\n\r\n" + b"x" * octets + b"\r\n.\r\n")
            answer = client.reply()
        return answer


@pytest.mark.parametrize("gate", [8 * MIB, 0], ids=["gate", "no gate: writes fail"])
@pytest.mark.parametrize("octets", [1_000, 2 * MIB], ids=["small", "large"])
def test_a_full_disk_means_no_250_until_there_is_room_again(small_disk, tmp_path, gate, octets):
    settings = f"\n[spool]\nfree_octets_min = {gate}\nfree_inodes_min = 1\nreserve_octets = 0\n"
    routes = {"*": f"maildir:{tmp_path / 'outside'}"}
    promised = []
    with running_service(small_disk / "k", settings=settings, routes=routes, workers=1) as service:
        assert send_one(service, b"before-0", octets).startswith("250")
        promised.append(b"before-0")
        filler = fill(small_disk)
        wait_for(lambda: not try_and_note(service, promised, octets), "a refusal")
        for _ in range(5):
            answer = try_and_note(service, promised, octets)
            assert answer is None or answer.startswith("250")
        filler.unlink()
        wait_for(lambda: try_and_note(service, promised, octets), "a 250")
        assert service.process.poll() is None
        wait_for(
            lambda: (
                len(list((tmp_path / "outside" / "user001@kairan.test" / "new").iterdir()))
                >= len(promised)
            ),
            "all that was promised",
        )
        service.wait_empty()
    new = tmp_path / "outside" / "user001@kairan.test" / "new"
    texts = [path.read_bytes() for path in new.iterdir()]
    for marker in promised:
        assert sum(b"Subject: " + marker + b"\n" in t.replace(b"\r", b"") for t in texts) == 1


def try_and_note(service, promised, octets):
    """The 250, or None for a refusal, which must be a temporary one."""
    marker = b"try-%d" % (len(promised) + 1_000_000)
    answer = send_one(service, marker, octets)
    if answer.startswith("250"):
        promised.append(marker)
        return answer
    assert answer.startswith(("452 4.3.1", "451 4.3.0")), answer
    return None


FOREIGN = {
    "an empty file in the spool": lambda spool: (spool / "core").write_bytes(b""),
    "an empty file named like a shard": lambda spool: (spool / "shard-9").write_bytes(b""),
    "a folder named like a shard": lambda spool: (spool / "shard-8" / "x").mkdir(parents=True),
    "a shard of no number": lambda spool: (spool / "shard-old").mkdir(),
    "a body that nobody knows": lambda spool: body(spool, "4711").write_bytes(b"x" * 300_000),
    "an empty body that nobody knows": lambda spool: body(spool, "4712").write_bytes(b""),
    "a body named like nothing": lambda spool: body(spool, "..evil").write_bytes(b"x"),
    "a doubled queue": lambda spool: shutil.copytree(spool / "shard-0", spool / "shard-0.bak"),
    "a symbolic link to elsewhere": lambda spool: body(spool, "4713").symlink_to("/etc/hostname"),
}


def body(spool, name):
    folder = spool / "shard-0" / "bodies"
    folder.mkdir(exist_ok=True)
    return folder / name


def test_it_starts_with_foreign_files_in_its_spool_and_delivers_what_is_its_own(tmp_path):
    place = tmp_path / "k"
    nowhere = {"*": "smtp://127.0.0.1:1?tls=none"}
    with running_service(place, settings=SOON, routes=nowhere, workers=1) as service:
        for number in range(3):
            assert send_one(service, b"own-%d" % number).startswith("250")
        assert send_one(service, b"own-3", 400_000).startswith("250")
    for spoil in FOREIGN.values():
        spoil(place / "data" / "spool")
    deliver_here(place)
    with running_service(place, install=False) as service:
        for number in range(4):
            service.wait_message(b"own-%d" % number)
        assert send_one(service, b"fresh").startswith("250")
        service.wait_message(b"fresh")
        assert len(service.messages()) == 5


def deliver_here(place):
    """From now on the mail that could go nowhere goes to the mailboxes, and at once."""
    file = place / "kairan.toml"
    text = file.read_text().replace("smtp://127.0.0.1:1?tls=none", "maildir:maildir")
    file.write_text(text)
    for shard in (place / "data" / "spool").glob("shard-0"):
        with ShardView(shard) as view:
            view.retry([listed.job.id for listed in view.list()], now=0.0)


def test_a_body_cut_short_is_set_aside_and_the_others_are_delivered(tmp_path):
    place = tmp_path / "k"
    nowhere = {"*": "smtp://127.0.0.1:1?tls=none"}
    with running_service(place, settings=SOON, routes=nowhere, workers=1) as service:
        for name in (b"whole", b"short", b"empty"):
            assert send_one(service, b"body-" + name, 400_000).startswith("250")
    bodies = place / "data" / "spool" / "shard-0" / "bodies"
    for path in filter(Path.is_file, bodies.iterdir()):
        content = path.read_bytes()
        if b"body-short" in content:
            path.write_bytes(content[:100_000])
        elif b"body-empty" in content:
            path.write_bytes(b"")
    deliver_here(place)
    with running_service(place, install=False) as service:
        service.wait_message(b"body-whole")
        assert send_one(service, b"fresh").startswith("250")
        service.wait_message(b"fresh")
        assert len(service.messages()) == 2
        assert service.process.poll() is None
