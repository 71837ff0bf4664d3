"""The audit: whole lines, bounded files, nobody who waits, no link followed."""

import json
import os
import stat

import pytest

from kairan.trace.audit import Audit
from kairan.trace.audit_file import append, read, record_change, who
from kairan.trace.settings import AuditSettings

SMALL = AuditSettings(octets_max=1_000, files_kept=2)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "audit"


def test_lines_are_whole_and_in_order(folder):
    audit = Audit(folder, "worker-0", AuditSettings())
    for number in range(1_000):
        audit.record("login", account="erp@kairan.test\n", number=number)
    audit.close()
    lines = list(read(folder, "worker-0"))
    assert [line["number"] for line in lines] == list(range(1_000))
    assert lines[0]["what"] == "login"
    assert lines[0]["time"].endswith("Z")


def test_files_are_the_owners_alone(folder):
    record_change(folder, SMALL, "account.set", {"about": "erp@kairan.test"})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (line,) = read(folder, "administration")
    assert line["by"]["uid"] == os.getuid()


def test_a_full_file_is_set_aside_and_the_oldest_goes(folder):
    for number in range(100):
        append(folder, "worker-0", SMALL, json.dumps({"n": number, "x": "x" * 90}).encode() + b"\n")
    files = {path.name for path in folder.iterdir()}
    assert files == {f"worker-0{end}" for end in (".jsonl", ".jsonl.1", ".jsonl.2", ".lock")}
    assert all(path.stat().st_size <= SMALL.octets_max for path in folder.iterdir())
    assert [line["n"] for line in read(folder, "worker-0")][-1] == 99


def test_what_cannot_be_kept_up_with_is_counted_and_said(folder, monkeypatch):
    monkeypatch.setattr("kairan.trace.audit._LINES_MAX", 5)
    monkeypatch.setattr("kairan.trace.audit.threading.Thread.start", lambda _: None)
    audit = Audit(folder, "worker-0", AuditSettings())
    for number in range(9):
        audit.record("login", number=number)
    assert audit._lines.qsize() == 5
    while audit._lines.qsize():
        audit._lines.get()
    audit.record("login", number=9)
    assert json.loads(audit._lines.get()) | {"time": ""} == {
        "time": "",
        "what": "audit.lost",
        "lines": 4,
    }


def test_a_disk_that_takes_nothing_makes_nobody_wait(tmp_path):
    (tmp_path / "audit").write_text("no folder")
    audit = Audit(tmp_path / "audit", "worker-0", AuditSettings())
    audit.record("login")
    audit.close()
    assert not audit._thread.is_alive()


def test_no_link_is_followed(folder, tmp_path):
    record_change(folder, SMALL, "x", {})
    victim = tmp_path / "victim"
    (folder / "administration.jsonl").unlink()
    (folder / "administration.jsonl").symlink_to(victim)
    with pytest.raises(OSError, match="administration"):
        record_change(folder, SMALL, "x", {})
    assert not victim.exists()


def test_a_line_that_would_be_too_long_is_cut_and_says_so(folder):
    record_change(folder, AuditSettings(), "group.set", {"about": "g", "owners": ["x"] * 100_000})
    (line,) = read(folder, "administration")
    assert line["cut"] is True
    assert line["about"] == "g"


def test_who_it_was_names_the_user_behind_sudo(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    assert who()["sudo_user"] == "alice"
    assert who()["user"]
