"""What takes long to read makes nobody wait, and is shared."""

import threading
from types import SimpleNamespace

import pytest

from kairan.metrics import watch
from kairan.metrics.watch import Watcher
from kairan.status.facts import Status
from kit.live import wait_for


@pytest.fixture
def reading(monkeypatch):
    """A status that is read when it is told, and how often it was begun."""
    may_end = threading.Event()
    found = SimpleNamespace(may_end=may_end, begun=0, fails=False)

    def status(configuration, *, now):
        found.begun += 1
        may_end.wait(30)
        if found.fails:
            raise OSError("no disk")
        return Status(now=now, version="1", is_running=False)

    monkeypatch.setattr(watch, "status", status)
    monkeypatch.setattr(watch, "SHARED_SECONDS", 0.0)
    yield found
    may_end.set()


@pytest.fixture
def watcher(tmp_path):
    no_webhooks = SimpleNamespace(enabled=False)
    one = Watcher(SimpleNamespace(control_directory=tmp_path, webhooks=no_webhooks))
    yield one
    one.close()


def test_a_queue_that_takes_long_to_read_makes_no_scrape_wait_for_it(reading, watcher):
    assert watcher.look().status is None
    assert watcher.look().status is None
    assert reading.begun == 1
    reading.may_end.set()
    assert wait_for(lambda: watcher.look().status, "the status")


def test_what_was_read_is_used_again(reading, watcher):
    reading.may_end.set()
    wait_for(lambda: watcher.look().status, "the status")
    for _ in range(20):
        watcher.look()
    assert reading.begun == 1


def test_what_cannot_be_read_leaves_what_was_known(reading, watcher, monkeypatch):
    monkeypatch.setattr(watch, "STATUS_SECONDS", 0.0)
    monkeypatch.setattr(watch, "STATUS_PART", 0.0)
    reading.may_end.set()
    known = wait_for(lambda: watcher.look().status, "the status")
    reading.fails = True
    begun = reading.begun
    wait_for(lambda: watcher.look() and reading.begun > begun + 1, "two more looks")
    assert watcher.look().status.now >= known.now


def test_scrapes_at_once_share_an_answer(reading, watcher, monkeypatch):
    monkeypatch.setattr(watch, "SHARED_SECONDS", 60.0)
    first = watcher.look()
    threads = [threading.Thread(target=watcher.look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watcher.look() is first
