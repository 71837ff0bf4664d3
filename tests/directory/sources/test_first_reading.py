"""A source's first reading: read by a child, written by us meanwhile; without a directory server."""

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.ldap import first
from kairan.directory.sources.ldap.first import first_reading
from kairan.directory.sources.ldap.server import SourceDownError
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.sync import SyncOrder, sync
from kairan.directory.sources.values import Present, Reading, SourcePerson, SourceProblem
from kairan.directory.store import Directory

SETTINGS = SourceSettings("ldap", servers=("ldap://none.example",))
PEOPLE = [SourcePerson(str(number), f"p{number}@example.com") for number in range(2_500)]
REST = Reading(
    present=Present(frozenset(one.id for one in PEOPLE), frozenset()),
    problems=(SourceProblem("x", "x", "is none"),),
    mark="m",
)


@pytest.fixture
def directory(sqlite_template, tmp_path) -> Iterator[Directory]:
    shutil.copy(sqlite_template, tmp_path / "directory.db")
    with Directory.open(f"sqlite:///{tmp_path / 'directory.db'}") as opened:
        opened.add_accepted_domain("example.com")
        yield opened


def child_that_reads(monkeypatch, ending):
    def read(_settings, _extent, _mark, people):
        for one in PEOPLE:
            people.add(one)
        people.flush()
        return ending()

    monkeypatch.setattr(first, "read_people", read)


def down():
    raise SourceDownError("ldap://none.example: gone")


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_people_come_in_order_and_then_the_rest(monkeypatch):
    child_that_reads(monkeypatch, lambda: REST)
    with first_reading(SETTINGS) as reading:
        assert list(reading.people) == PEOPLE
        assert reading.rest() == REST == reading.rest()


def test_everybody_of_a_first_reading_is_written_and_the_mark_is_kept(monkeypatch, directory):
    child_that_reads(monkeypatch, lambda: REST)
    report = sync(directory, SETTINGS, SyncOrder())
    assert (report.counts, report.left_out) == ({"person add": len(PEOPLE)}, 1)
    state = directory.sources.state("ldap")
    assert (state.people, state.mark, state.left_out) == (len(PEOPLE), "m", 1)


def test_a_dry_run_of_a_first_reading_writes_nothing(monkeypatch, directory):
    child_that_reads(monkeypatch, lambda: REST)
    report = sync(directory, SETTINGS, SyncOrder(dry_run=True))
    assert report.counts == {"person add": len(PEOPLE)}
    assert directory.mailbox("p0@example.com") is None


@pytest.mark.parametrize(("ending", "words"), [(down, "none.example: gone"), (killed, "has ended")])
def test_nobody_is_written_when_the_reading_breaks_off(monkeypatch, directory, ending, words):
    child_that_reads(monkeypatch, ending)
    with pytest.raises(DirectoryError, match=words):
        sync(directory, SETTINGS, SyncOrder())
    assert directory.mailbox("p0@example.com") is None
    assert words in directory.sources.state("ldap").problem


def test_the_child_ends_when_nobody_reads_on(monkeypatch):
    child_that_reads(monkeypatch, lambda: REST)
    with first_reading(SETTINGS) as reading:
        next(iter(reading.people))
    assert first.multiprocessing.active_children() == []
