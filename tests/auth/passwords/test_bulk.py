"""Two hundred accounts at once: their passwords are what it costs, and all processors share that."""

import io
import os
import threading
import time
from collections.abc import Callable

import pytest

from kairan.auth.passwords import bulk
from kairan.auth.passwords.bulk import BulkPasswords
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.directory.store import Directory

ACCOUNTS = 200
DEFAULT = AuthSettings()
CHEAP = AuthSettings(argon2_memory_kib=64, argon2_time_cost=1)
TOGETHER = os.cpu_count() or 1


def work_of(action: Callable[[], object]) -> float:
    """Seconds of processors, which are the same however busy the machine is."""
    started = time.process_time()
    action()
    return time.process_time() - started


def csv_file(text: str) -> io.BytesIO:
    file = io.BytesIO(text.encode())
    file.name = "accounts.csv"
    return file


@pytest.fixture
def directory(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as directory:
        directory.add_accepted_domain("kairan.test")
        yield directory


def test_two_hundred_accounts_cost_what_their_hashes_cost(directory):
    """About 25 ms of one processor each, and all share them: 2.5 s on two; users were told 5 s."""
    sample = 20
    hashes = work_of(lambda: [hash_password(f"pass{n}-word", DEFAULT) for n in range(sample)])
    bound = 2 * hashes * ACCOUNTS / sample
    rows = "".join(f"p{n:03}@kairan.test,pass{n:03}-word\n" for n in range(ACCOUNTS))

    def brought_in(**options: bool):
        file = csv_file(f"address,password\n{rows}")
        return directory.import_accounts(file, passwords=BulkPasswords(DEFAULT), **options)

    assert work_of(brought_in) < bound
    reports = []
    # Whether a password is the present one costs as much again, and no more.
    assert work_of(lambda: reports.append(brought_in(update=True).report)) < bound
    assert reports[0].unchanged == ACCOUNTS


@pytest.mark.parametrize("work", ["hash_password", "matches"])
def test_all_processors_have_their_share(monkeypatch, work):
    """Each waits until as many as there are processors have begun: one after the other none would end."""
    barrier = threading.Barrier(TOGETHER)
    monkeypatch.setattr(bulk, work, lambda *_: barrier.wait(60) >= 0)
    passwords = BulkPasswords(CHEAP)
    names = [str(number) for number in range(TOGETHER)]
    if work == "matches":
        assert passwords.matching(dict.fromkeys(names, ("hash", "word"))) == set(names)
    else:
        assert len(passwords.hash_all(dict.fromkeys(names, "word"))) == TOGETHER


def test_who_has_the_password_already_is_found_among_many():
    passwords = BulkPasswords(CHEAP)
    hashes = passwords.hash_all({"a@x": "right-horse", "b@x": "other-horse"})
    claims = {"a@x": (hashes["a@x"], "right-horse"), "b@x": (hashes["b@x"], "right-horse")}
    assert passwords.matching(claims) == {"a@x"}
