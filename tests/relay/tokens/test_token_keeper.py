"""One token for all who ask, and one request at a time for it."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kairan.outcomes import catalogue
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched, TokenFault

MARGINS = Margins(renew_seconds=1_200, refused_seconds=600)
FAULT = TokenFault(catalogue.ACCESS_TOKEN_UNAVAILABLE, "no way")


class Issuer:
    """Gives numbered tokens of an hour; slow when told to."""

    def __init__(self, clock):
        self.clock = clock
        self.requests = 0
        self.at_once = self.at_once_max = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.fault = None
        self._lock = threading.Lock()

    def __call__(self, state):
        with self._lock:
            self.requests += 1
            self.at_once += 1
            self.at_once_max = max(self.at_once_max, self.at_once)
            number = self.requests
        self.may_answer.wait(10)
        with self._lock:
            self.at_once -= 1
        if self.fault is not None:
            return self.fault
        return Fetched(AccessToken(f"token-{number}", self.clock(), self.clock() + 3_600))


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
def keeper(issuer, clock):
    return TokenKeeper("test", issuer, MARGINS, now=clock)


async def test_two_hundred_that_wait_are_one_request(keeper, issuer):
    issuer.may_answer.clear()
    waiting = [asyncio.ensure_future(keeper.wait_token()) for _ in range(200)]
    await asyncio.sleep(0.05)
    issuer.may_answer.set()
    tokens = await asyncio.gather(*waiting)
    assert {token.text for token in tokens} == {"token-1"}
    assert issuer.requests == 1


def test_threads_and_their_loops_share_the_request(keeper, issuer):
    issuer.may_answer.clear()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(lambda: asyncio.run(keeper.wait_token())) for _ in range(4)]
        asked += [threads.submit(keeper.token) for _ in range(4)]
        time.sleep(0.05)
        issuer.may_answer.set()
        assert {one.result().text for one in asked} == {"token-1"}
    assert (issuer.requests, issuer.at_once_max) == (1, 1)


async def test_who_gives_up_waiting_spoils_nothing_for_the_others(keeper, issuer):
    issuer.may_answer.clear()
    first, second = (asyncio.ensure_future(keeper.wait_token()) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    issuer.may_answer.set()
    assert (await second).text == "token-1"
    assert (await keeper.wait_token()).text == "token-1"
    assert issuer.requests == 1


async def test_a_good_token_is_given_while_the_next_is_fetched_behind(keeper, issuer, clock):
    await keeper.wait_token()
    clock.now += 2_500
    issuer.may_answer.clear()
    assert [(await keeper.wait_token()).text for _ in range(5)] == ["token-1"] * 5
    issuer.may_answer.set()
    async with asyncio.timeout(5):
        while (await keeper.wait_token()).text != "token-2":
            await asyncio.sleep(0.01)
    assert issuer.requests == 2


async def test_ten_periods_are_ten_requests(keeper, issuer, clock):
    for _ in range(10):
        for _ in range(50):
            assert isinstance(await keeper.wait_token(), AccessToken)
        clock.now += 3_100
    assert issuer.requests == 10


async def test_an_issuer_that_is_down_is_left_alone_for_a_while(keeper, issuer, clock):
    issuer.fault = FAULT
    for _ in range(50):
        assert await keeper.wait_token() == FAULT
    assert issuer.requests == 1
    clock.now += 2.1
    assert await keeper.wait_token() == FAULT
    assert issuer.requests == 2
    clock.now += 3.9
    assert await keeper.wait_token() == FAULT
    assert issuer.requests == 2, "each pause is twice as long"
    issuer.fault = None
    clock.now += 60
    assert (await keeper.wait_token()).text == "token-3"


async def test_an_issuer_that_is_down_is_not_noticed_while_the_token_is_good(keeper, issuer, clock):
    await keeper.wait_token()
    issuer.fault = FAULT
    for _ in range(5):
        clock.now += 540
        assert (await keeper.wait_token()).text == "token-1"
    clock.now += 540
    assert await keeper.wait_token() == FAULT


async def test_a_refused_token_is_renewed_once_however_many_sessions_say_so(keeper, issuer):
    first = await keeper.wait_token()
    assert all(keeper.refuse(first.text) for _ in range(10))
    second = await keeper.wait_token()
    assert second.text == "token-2"
    assert keeper.refuse(first.text), "a late refusal of the old one: the new one may do"
    assert (await keeper.wait_token()).text == "token-2"
    assert not keeper.refuse(second.text), "what is refused again is not cured by a third"
    assert (await keeper.wait_token()).text == "token-2"
    assert issuer.requests == 2


async def test_after_a_while_a_refused_token_is_renewed_again(keeper, issuer, clock):
    keeper.refuse((await keeper.wait_token()).text)
    second = await keeper.wait_token()
    clock.now += 301
    assert keeper.refuse(second.text)
    assert (await keeper.wait_token()).text == "token-3"


async def test_a_broken_source_is_said_to_all_and_can_be_asked_again(keeper, clock):
    def fetch(_state):
        raise RuntimeError("ours")

    keeper = TokenKeeper("test", fetch, MARGINS, now=clock)
    for _ in range(2):
        answer = await keeper.wait_token()
        assert answer.outcome is catalogue.ACCESS_TOKEN_UNAVAILABLE
        clock.now += 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_asks_by_itself_when_it_was_forked_during_a_request(keeper, issuer):
    issuer.may_answer.clear()
    waiting = threading.Thread(target=keeper.token, daemon=True)
    waiting.start()
    while not issuer.requests:
        time.sleep(0.001)
    pid = os.fork()
    if not pid:
        issuer.may_answer = threading.Event()
        issuer.may_answer.set()
        issuer._lock = threading.Lock()
        os._exit(0 if keeper.token().text == "token-2" else 1)
    assert os.waitpid(pid, 0)[1] == 0
    issuer.may_answer.set()
    waiting.join()


def test_a_pause_ends_although_the_clock_was_set_back(issuer, clock):
    keeper = TokenKeeper("name", issuer, MARGINS, now=clock)
    issuer.fault = FAULT
    assert keeper.token() is FAULT
    clock.now -= 86_400
    issuer.fault = None
    assert isinstance(keeper.token(), AccessToken)


def test_a_token_from_before_the_clock_was_set_back_is_not_believed(issuer, clock):
    keeper = TokenKeeper("name", issuer, MARGINS, now=clock)
    first = keeper.token()
    clock.now -= 86_400
    assert keeper.token() != first
    assert issuer.requests == 2
    assert keeper.token() == keeper.token()
    assert issuer.requests == 2
