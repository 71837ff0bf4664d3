"""Background hashing: an address that has failed before is served with what nobody else wants."""

import asyncio
import os
import signal
import sys

import pytest

from auth.conftest import CHEAP
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.passwords.background import fork_background_hashing
from kairan.auth.passwords.hashing import hash_password

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SCHED_IDLE is Linux's")

HERE, NEIGHBOUR, ELSEWHERE = "192.0.2.7", "192.0.2.8", "198.51.100.7"
NAME = "printer@kairan.test"


@pytest.fixture
async def background():
    begin = fork_background_hashing(CHEAP)
    made = begin()
    yield made
    made.close()
    await asyncio.to_thread(os.waitpid, made.process, 0)


@pytest.fixture
async def killed_aside():
    made = fork_background_hashing(CHEAP)()
    yield made
    made.close()


class Listed:
    """Background hashing that remembers what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def matches(self, password_hash, password):
        self.asked.append(password)
        return self.answer

    def close(self):
        pass


def authenticator_with(background, clock):
    return Authenticator(CHEAP, clock=clock, random=lambda size: b"r" * size, background=background)


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


async def test_it_ends_with_its_worker():
    background = fork_background_hashing(CHEAP)()
    background.close()
    _, status = await asyncio.to_thread(os.waitpid, background.process, 0)
    assert os.waitstatus_to_exitcode(status) == 0


async def test_when_it_is_killed_nobody_waits_in_vain(killed_aside):
    os.kill(killed_aside.process, signal.SIGSTOP)
    waiting = asyncio.create_task(killed_aside.matches("$argon2id$", "x"))
    await asyncio.sleep(0)
    os.kill(killed_aside.process, signal.SIGKILL)
    assert await asyncio.wait_for(waiting, 5) is None
    assert await killed_aside.matches("$argon2id$", "x") is None


async def test_only_a_network_that_has_failed_is_hashed_aside(people, clock):
    background = Listed(answer=False)
    authenticator = authenticator_with(background, clock)
    assert await authenticator.verify(people, NAME, "right horse", HERE)
    await authenticator.verify(people, NAME, "guess 1", HERE)
    assert background.asked == []
    await authenticator.verify(people, NAME, "guess 2", NEIGHBOUR)
    assert background.asked == ["guess 2"]
    await authenticator.verify(people, NAME, "guess 3", ELSEWHERE)
    clock.now += 601
    account = await authenticator.verify(people, NAME, "right horse", HERE)
    assert account == people.account(NAME), "what was right before is no guess"
    assert background.asked == ["guess 2"]
    await authenticator.close()


async def test_where_nobody_is_aside_threads_do_it(people, clock):
    background = Listed(answer=None)
    authenticator = authenticator_with(background, clock)
    await authenticator.verify(people, NAME, "guess", HERE)
    account = await authenticator.verify(people, NAME, "right horse", HERE)
    assert account == people.account(NAME)
    assert background.asked == ["right horse"]
    await authenticator.close()
