"""Guessing, from however many places, costs those whose password was right before nothing."""

import asyncio
import threading
from dataclasses import replace

import pytest

from auth.conftest import CHEAP
from kairan.auth.passwords import authenticator as logins
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.passwords.hashing import (
    hash_generated,
    hash_password,
    is_generated,
    nobodys_hash,
    parameters,
    parameters_of,
)
from kairan.auth.passwords.helpers import Helpers
from kairan.auth.passwords.recognised import Recognised
from kairan.directory.model import Trust
from kairan.mail.role import Role
from kairan.outcomes.decision import Refuse

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"
NAME = "printer@kairan.test"
DEARER = replace(CHEAP, argon2_time_cost=2)


def octets(size):
    return b"r" * size


@pytest.fixture
def held(monkeypatch):
    """Every hash of a guess waits until the event is set."""
    release = threading.Event()
    asked = []

    def slow(password_hash, password, judge):
        asked.append((password_hash, password))
        if password.startswith("guess"):
            release.wait(20)
            return False
        return password == "right horse"

    monkeypatch.setattr("kairan.auth.passwords.authenticator.matches", slow)
    yield asked, release
    release.set()


@pytest.fixture
def made(clock):
    made = []

    def make(settings=CHEAP, **more):
        made.append(Authenticator(settings, clock=clock, random=octets, **more))
        return made[-1]

    yield make
    for one in made:
        one._familiar.threads.shutdown(wait=False, cancel_futures=True)
        one._strangers.threads.shutdown(wait=False, cancel_futures=True)


def guess_everywhere(authenticator, people):
    return [
        asyncio.create_task(
            authenticator.verify(people, NAME, f"guess {n}", f"203.{n // 250}.{n % 250}.9")
        )
        for n in range(230)
    ]


async def end(guesses, release):
    release.set()
    await asyncio.gather(*guesses, return_exceptions=True)


async def test_a_password_that_was_right_before_does_not_wait_for_guesses(
    made, people, clock, held
):
    _, release = held
    authenticator = made()
    await authenticator.verify(people, NAME, "right horse", HERE)
    clock.now += 601
    guesses = guess_everywhere(authenticator, people)
    await asyncio.sleep(0)
    for source in (HERE, ELSEWHERE):
        async with asyncio.timeout(15):
            account = await authenticator.verify(people, NAME, "right horse", source)
        assert account == people.account(NAME)
    assert not guesses[0].done()
    await end(guesses, release)


async def test_nor_at_another_worker_nor_after_that_worker_died(made, people, held):
    _, release = held
    recognised = Recognised(octets)
    await made(recognised=recognised).verify(people, NAME, "right horse", HERE)
    other = made(recognised=recognised)
    guesses = guess_everywhere(other, people)
    await asyncio.sleep(0)
    async with asyncio.timeout(15):
        assert await other.verify(people, NAME, "right horse", ELSEWHERE) == people.account(NAME)
    await end(guesses, release)


async def test_an_address_that_logged_in_before_goes_first_with_a_new_password(
    made, people, changed, held
):
    _, release = held
    authenticator = made()
    await authenticator.verify(people, NAME, "right horse", HERE)
    guesses = guess_everywhere(authenticator, people)
    await asyncio.sleep(0)
    after = changed(password_hash=hash_password("right horse", CHEAP))
    async with asyncio.timeout(15):
        assert await authenticator.verify(after, NAME, "right horse", HERE) == after.account(NAME)
    await end(guesses, release)


async def test_an_address_that_has_failed_waits_with_the_strangers(made, people, held):
    _, release = held
    authenticator = made()
    await authenticator.verify(people, NAME, "right horse", HERE)
    await authenticator.verify(people, NAME, "wrong horse", HERE)
    claim = authenticator._claim(people, NAME, "guess 1", HERE, Role.HVE)
    assert authenticator._queue_of(claim) is authenticator._strangers
    release.set()


async def test_what_is_recognised_is_judged_all_the_same(made, people):
    class Everything:
        key = b"k" * 32

        def __contains__(self, digest):
            return True

        def add(self, digest):
            pass

    answer = await made(recognised=Everything()).verify(people, NAME, "wrong horse", HERE)
    assert isinstance(answer, Refuse)


def test_the_table_of_the_recognised_is_bounded_and_keeps_the_newest():
    recognised = Recognised(octets)
    digests = [
        bytes(4) + n.to_bytes(4, "big") + bytes(24) for n in range(1, 50)
    ]  # all in one bucket
    for digest in digests:
        recognised.add(digest)
        assert digest in recognised
    assert sum(digest in recognised for digest in digests) == 4
    assert bytes([1]) * 32 not in recognised


# Time.

WRONG = [NAME, "ghost@kairan.test", "off@kairan.test", "app@kairan.test", "damaged@kairan.test"]


@pytest.mark.parametrize("name", WRONG)
async def test_after_the_settings_changed_a_wrong_login_costs_what_most_accounts_hashes_do(
    made, people, held, name
):
    asked, release = held
    release.set()
    authenticator = made(DEARER)
    people = replace(people, trust=Trust(hash_parameters=parameters(CHEAP)))
    await authenticator.verify(people, name, "guess", HERE)
    ((password_hash, _),) = asked
    assert parameters_of(password_hash) == parameters(CHEAP)


async def test_where_nobody_has_a_password_the_settings_say_what_a_wrong_login_costs(
    made, people, held
):
    asked, release = held
    release.set()
    people = replace(people, trust=Trust(hash_parameters="$argon2id$v=19$m=1,t=1,p=9"))
    await made().verify(people, "ghost@kairan.test", "guess", HERE)
    assert parameters_of(asked[0][0]) == parameters(CHEAP)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$argon2id$not a hash",
        "$argon2id$v=19$m=7,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=2$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=1$" + "/" * 22 + "$" + "/" * 43,
        "$argon2i$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
        "$argon2id$v=16$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43,
    ],
)
def test_what_argon2_would_refuse_to_compute_is_no_hash(text):
    assert parameters_of(text) == ""


def test_a_hash_of_ours_and_nobodys_have_parameters():
    assert parameters_of(hash_password("x", CHEAP)) == parameters(CHEAP)
    assert parameters_of(nobodys_hash(parameters(CHEAP), octets)) == parameters(CHEAP)


# What an import drew: a quick hash, until its first login.

DRAWN = "bq4m-drawn-by-an-import"
QUICK_HASH = hash_generated(DRAWN)


@pytest.fixture
def computed(monkeypatch):
    """Whose hashes each login computes, in their order: slow ones, quick ones."""
    slow, quick = [], []

    def counting(asked, work):
        def counted(password_hash, *more):
            asked.append(password_hash)
            return work(password_hash, *more)

        return counted

    for name, asked in (("matches", slow), ("matches_generated", quick)):
        monkeypatch.setattr(logins, name, counting(asked, getattr(logins, name)))
    return slow, quick


@pytest.mark.parametrize("password", [DRAWN, "wrong horse"])
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("is_drawn", [True, False])
@pytest.mark.parametrize(
    "commonest", [QUICK_HASH, hash_password("x", DEARER)], ids=["quick", "dear"]
)
async def test_whatever_hash_an_account_has_a_login_costs_a_slow_one_and_a_quick_one(
    made, people, computed, name, password, is_drawn, commonest
):
    slow, quick = computed
    head = commonest.rsplit("$", 2)[0]
    accounts = tuple(
        replace(one, password_hash=QUICK_HASH) if is_drawn and one.address == NAME else one
        for one in people.accounts
    )
    snapshot = replace(people, accounts=accounts, trust=Trust(hash_parameters=head))
    found = await made(DEARER).verify(snapshot, name, password, HERE)
    is_right = is_drawn and name == NAME and password == DRAWN
    assert isinstance(found, Refuse) is not is_right
    assert len(slow) == len(quick) == 1
    assert is_generated(quick[0])
    assert not is_generated(slow[0])
    if name != NAME or is_drawn:
        assert parameters_of(slow[0]) == parameters(DEARER)


async def test_the_slow_hash_beside_a_quick_one_is_made_where_strangers_hashes_are(made, people):
    asked = []

    class Asked:
        waiting = 0

        async def matches(self, password_hash, password):
            asked.append(password_hash)
            return True  # nobody's hash; whatever is said of it lets nobody in

        def close(self):
            pass

    accounts = (replace(people.accounts[0], password_hash=QUICK_HASH),)
    snapshot = replace(people, accounts=accounts)
    guarded = made(helpers=Helpers(Asked(), [Asked()]))
    await guarded.verify(snapshot, NAME, "wrong horse", HERE)
    found = await guarded.verify(snapshot, NAME, "wrong again", HERE)
    assert isinstance(found, Refuse)
    assert [is_generated(one) for one in asked] == [False, False]


async def test_the_first_login_leaves_a_hash_with_the_settings_parameters(made, people):
    written = asyncio.Queue()

    async def rehash(account, old, new):
        await written.put((old, new))

    snapshot = replace(people, accounts=(replace(people.accounts[0], password_hash=QUICK_HASH),))
    await made(DEARER, rehash=rehash).verify(snapshot, NAME, DRAWN, HERE)
    async with asyncio.timeout(15):
        old, new = await written.get()
    assert old == QUICK_HASH
    assert parameters_of(new) == parameters(DEARER)


# Hashing anew.


async def test_a_login_under_old_parameters_is_hashed_anew_and_stays_known(made, people, changed):
    written = asyncio.Queue()

    async def rehash(account, old, new):
        await written.put((account.address, old, new))

    authenticator = made(DEARER, rehash=rehash)
    account = await authenticator.verify(people, NAME, "right horse", HERE)
    async with asyncio.timeout(15):
        address, old, new = await written.get()
    assert (address, old) == (account.address, account.password_hash)
    assert parameters_of(new) == parameters(DEARER)
    after = changed(password_hash=new)
    assert authenticator.cached(after, NAME, "right horse", ELSEWHERE) == after.account(NAME)
    assert written.empty()


async def test_a_wrong_password_and_a_present_hash_are_not_hashed_anew(made, people):
    async def rehash(account, old, new):
        raise AssertionError

    await made(rehash=rehash).verify(people, NAME, "right horse", HERE)
    dearer = made(DEARER, rehash=rehash)
    await dearer.verify(people, NAME, "wrong horse", HERE)
    assert not dearer._rehashing
