"""How much accounts usually send, and which are held."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.operations.volumes import DAYS_KEPT, RELEASED_SECONDS
from kairan.directory.snapshot.memory import read_snapshot

ERP, OTHER = "erp@kairan.test", "other@kairan.test"
TODAY = 20_000


@pytest.fixture
def accounts(directory):
    directory.add_account(ERP, aliases=["alias@kairan.test"])
    directory.add_account(OTHER)
    return directory


def test_the_usual_is_the_busiest_hour_of_the_days_before_today(accounts):
    volumes = accounts.volumes
    volumes.learn(TODAY - 1, {ERP: 10, OTHER: 1})
    volumes.learn(TODAY - 1, {ERP: 30})
    volumes.learn(TODAY - 1, {ERP: 20})
    volumes.learn(TODAY - 2, {ERP: 5})
    volumes.learn(TODAY, {ERP: 1_000, OTHER: 1_000})
    assert volumes.usual(TODAY) == {ERP: 30, OTHER: 1}


def test_history_ends_after_four_weeks(accounts):
    volumes = accounts.volumes
    volumes.learn(TODAY - DAYS_KEPT, {ERP: 10})
    volumes.learn(TODAY - DAYS_KEPT - 1, {OTHER: 10})
    assert volumes.usual(TODAY) == {ERP: 10}
    volumes.learn(TODAY, {OTHER: 1})
    assert volumes.usual(TODAY - 1) == {ERP: 10}, "what is older is deleted"


def test_an_account_that_is_removed_takes_its_history_with_it(accounts):
    accounts.volumes.learn(TODAY, {ERP: 10, "gone@kairan.test": 10})
    accounts.remove_account(ERP)
    accounts.add_account(ERP)
    assert accounts.volumes.usual(TODAY + 1) == {}


def test_writing_history_makes_no_worker_read_anew(accounts):
    before = read_snapshot(accounts)
    accounts.volumes.learn(TODAY, {ERP: 10})
    assert read_snapshot(accounts, before) is before


def test_a_hold_is_new_once_and_in_the_snapshot(accounts):
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: accounts.volumes.hold(ERP, 1_000), range(4)))
    assert sorted(told) == [False, False, False, True]
    account = read_snapshot(accounts).account("alias@kairan.test")
    assert account is not None
    assert account.held_since == 1_000


def test_who_is_released_is_not_held_again_within_a_day(accounts):
    volumes = accounts.volumes
    assert volumes.hold(ERP, 1_000)
    volumes.release("Alias@kairan.test", 2_000)
    account = accounts.account(ERP)
    assert (account.held_since, account.released_until) == (0, 2_000 + RELEASED_SECONDS)
    assert not volumes.hold(ERP, 2_000 + RELEASED_SECONDS - 1)
    assert volumes.hold(ERP, 2_000 + RELEASED_SECONDS)


def test_only_accounts_are_released(accounts):
    accounts.add_mailbox("user@kairan.test")
    for address in ("user@kairan.test", "nobody@kairan.test"):
        with pytest.raises(DirectoryError):
            accounts.volumes.release(address, 1)
