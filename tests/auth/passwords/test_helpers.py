"""Strangers' passwords are hashed by processes that step back; of suspects, by one that yields to all."""

import asyncio
import os
import signal
import sys
from dataclasses import replace

import pytest

from auth.conftest import CHEAP
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.passwords.helpers import STRANGERS_NICENESS, Helpers, fork_helpers
from kairan.outcomes.catalogue import AUTH_THROTTLED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SCHED_IDLE is Linux's")

HERE, NEIGHBOUR, ELSEWHERE = "192.0.2.7", "192.0.2.8", "198.51.100.7"
NAME = "printer@kairan.test"


@pytest.fixture
async def helpers():
    made = fork_helpers(CHEAP)()
    yield made
    made.close()
    await asyncio.gather(*(ended(one) for one in (made.suspects, *made.strangers)))


@pytest.fixture
def background(helpers):
    return helpers.suspects


async def ended(helper):
    try:
        _, status = await asyncio.to_thread(os.waitpid, helper.process, 0)
    except ChildProcessError:  # killed, and reaped by its worker's end
        return 0
    return os.waitstatus_to_exitcode(status)


class Listed:
    """A helper that remembers what it was asked."""

    waiting = 0

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def matches(self, password_hash, password):
        self.asked.append(password)
        return self.answer

    def close(self):
        pass


def authenticator_with(helpers, clock):
    return Authenticator(CHEAP, clock=clock, random=lambda size: b"r" * size, helpers=helpers)


async def test_it_tells_right_from_wrong(background):
    password_hash = hash_password("right horse", CHEAP)
    words = ["right horse", "wrong horse", "", "mañana", "x" * 257]
    answers = await asyncio.gather(*(background.matches(password_hash, word) for word in words))
    assert answers == [True, False, False, False, False]
    assert await background.matches("no hash at all", "right horse") is False


async def test_it_yields_to_everybody(background):
    await background.matches(hash_password("right horse", CHEAP), "x")
    assert os.sched_getscheduler(background.process) == os.SCHED_IDLE
    assert os.sched_getscheduler(0) != os.SCHED_IDLE


async def test_it_holds_no_descriptor_but_its_socket_and_the_standard_ones(background):
    await background.matches(hash_password("right horse", CHEAP), "x")
    held = {int(name) for name in os.listdir(f"/proc/{background.process}/fd")}
    assert len(held - {0, 1, 2}) == 1


async def test_strangers_step_back_and_are_not_starved(helpers):
    (stranger,) = helpers.strangers
    await stranger.matches(hash_password("right horse", CHEAP), "x")
    assert os.getpriority(os.PRIO_PROCESS, stranger.process) >= STRANGERS_NICENESS
    assert os.sched_getscheduler(stranger.process) == os.SCHED_OTHER


async def test_there_are_as_many_for_strangers_as_the_settings_say():
    made = fork_helpers(replace(CHEAP, hashing_threads=3))()
    assert len(made.strangers) == 3
    made.close()
    assert [await ended(one) for one in (made.suspects, *made.strangers)] == [0] * 4


async def test_they_end_with_their_worker():
    made = fork_helpers(CHEAP)()
    made.close()
    assert [await ended(one) for one in (made.suspects, *made.strangers)] == [0, 0]


async def test_when_it_is_killed_nobody_waits_in_vain(background):
    os.kill(background.process, signal.SIGSTOP)
    waiting = asyncio.create_task(background.matches("$argon2id$", "x"))
    await asyncio.sleep(0)
    assert background.waiting == 1
    os.kill(background.process, signal.SIGKILL)
    assert await asyncio.wait_for(waiting, 30) is None
    assert await background.matches("$argon2id$", "x") is None


async def test_a_network_that_has_failed_is_hashed_with_what_nobody_else_wants(people, clock):
    suspects, strangers = Listed(answer=False), Listed(answer=None)
    authenticator = authenticator_with(Helpers(suspects, [strangers]), clock)
    assert await authenticator.verify(people, NAME, "right horse", HERE)
    assert strangers.asked == ["right horse"]
    await authenticator.verify(people, NAME, "guess 1", HERE)
    assert suspects.asked == []
    await authenticator.verify(people, NAME, "guess 2", NEIGHBOUR)
    assert suspects.asked == ["guess 2"]
    await authenticator.verify(people, NAME, "guess 3", ELSEWHERE)
    assert strangers.asked[-1] == "guess 3"
    clock.now += 601
    account = await authenticator.verify(people, NAME, "right horse", HERE)
    assert account == people.account(NAME), "what was right before is no guess"
    assert suspects.asked == ["guess 2"]
    await authenticator.close()


async def test_the_helper_with_the_fewest_hashes_takes_the_next(people, clock):
    busy, free = Listed(answer=None), Listed(answer=None)
    busy.waiting = 2
    authenticator = authenticator_with(Helpers(Listed(answer=None), [busy, free]), clock)
    await authenticator.verify(people, NAME, "guess", HERE)
    assert (busy.asked, free.asked) == ([], ["guess"])
    await authenticator.close()


async def test_where_no_helper_is_threads_do_it(people, clock):
    nobody = Listed(answer=None)
    authenticator = authenticator_with(Helpers(nobody, [nobody]), clock)
    await authenticator.verify(people, NAME, "guess", HERE)
    account = await authenticator.verify(people, NAME, "right horse", HERE)
    assert account == people.account(NAME)
    assert nobody.asked == ["guess", "right horse"]
    await authenticator.close()


async def test_who_is_told_to_come_later_hears_it_later(people, clock):
    authenticator = authenticator_with(None, clock)
    for number in range(CHEAP.pair_failures_free):
        await authenticator.verify(people, NAME, f"guess {number}", HERE)
    throttled = asyncio.create_task(authenticator.verify(people, NAME, "another", HERE))
    await asyncio.sleep(0.01)
    assert not throttled.done()
    assert (await throttled).outcome is AUTH_THROTTLED
    await authenticator.close()


async def test_a_network_is_suspected_from_its_first_unknown_password_on(people, clock):
    authenticator = authenticator_with(None, clock)
    assert not authenticator.suspects(HERE)
    guess = asyncio.create_task(authenticator.verify(people, NAME, "guess", HERE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert authenticator.suspects(HERE), "while it is judged"
    await guess
    assert authenticator.suspects(NEIGHBOUR), "for its network has failed"
    assert not authenticator.suspects(ELSEWHERE)
    await authenticator.close()
