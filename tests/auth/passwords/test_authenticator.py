import asyncio
import os
import sys
import threading

import pytest

from auth.conftest import CHEAP
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.settings import AuthSettings
from kairan.outcomes.decision import Refuse

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"


def hashes(authenticator):
    return authenticator.statistics()["hashes"]


def reply(answer) -> bytes:
    assert isinstance(answer, Refuse)
    return answer.outcome.reply.wire


@pytest.mark.parametrize("name", ["printer@kairan.test", "SCAN@Kairan.TEST"])
async def test_the_right_password_gives_the_account_by_any_address(authenticator, people, name):
    account = await authenticator.verify(people, name, "right horse", HERE)
    assert account == people.account("printer@kairan.test")


async def test_a_verified_credential_is_not_hashed_again(authenticator, people, clock):
    name = "printer@kairan.test"
    assert authenticator.cached(people, name, "right horse", HERE) is None
    account = await authenticator.verify(people, name, "right horse", HERE)
    assert authenticator.cached(people, "scan@kairan.test", "right horse", ELSEWHERE) == account
    assert authenticator.cached(people, name, "right horsf", HERE) is None
    assert hashes(authenticator) == 1
    clock.now += 601
    assert authenticator.cached(people, name, "right horse", HERE) is None


@pytest.mark.parametrize("fields", [{"enabled": False}, {"password_hash": "$new"}, {"id": 9}])
async def test_a_changed_account_is_not_in_the_cache(authenticator, people, changed, fields):
    name = "printer@kairan.test"
    await authenticator.verify(people, name, "right horse", HERE)
    assert authenticator.cached(changed(**fields), name, "right horse", HERE) is None
    assert authenticator.cached(people, name, "right horse", HERE) is not None


async def test_the_cache_holds_neither_passwords_nor_hashes(authenticator, people):
    await authenticator.verify(people, "printer@kairan.test", "right horse", HERE)
    kept = repr(vars(authenticator._verified))
    assert "horse" not in kept
    assert "argon2" not in kept


async def test_the_cache_is_bounded(people, clock):
    settings = AuthSettings(argon2_memory_kib=8, argon2_time_cost=1, verified_max=3)
    authenticator = Authenticator(settings, clock=clock, random=lambda size: b"r" * size)
    for number in range(10):
        authenticator._verified.remember(b"%d" % number)
    assert len(authenticator._verified) == 3
    assert authenticator._verified.is_fresh(b"9")
    await authenticator.close()


WRONG = {
    "wrong password": ("printer@kairan.test", "wrong horse"),
    "unknown": ("ghost@kairan.test", "right horse"),
    "no address": ("ghost\r\n", "right horse"),
    "disabled": ("off@kairan.test", "right horse"),
    "without a password": ("app@kairan.test", ""),
    "damaged hash": ("damaged@kairan.test", "right horse"),
    "far too long": ("printer@kairan.test", "right horse" * 10_000),
    "no text": ("printer@kairan.test", "\udcff"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_every_failure_costs_one_hash_and_sounds_the_same(authenticator, people, case):
    answer = await authenticator.verify(people, *WRONG[case], HERE)
    assert isinstance(answer, Refuse)
    assert (answer.outcome.code, answer.outcome.enhanced) == (535, "5.7.3")
    assert hashes(authenticator) == 1


async def test_attack_9_a_thousand_failures_from_one_address(authenticator, people, waits):
    """It is throttled alike for names that exist and names that do not, and few are hashed."""
    heard: dict[str, list[bytes]] = {}
    spent: dict[str, int] = {}
    sources = {"printer@kairan.test": "192.0.2.7", "ghost@kairan.test": "198.51.100.7"}
    for name, source in sources.items():
        before = hashes(authenticator)
        heard[name] = [
            reply(await authenticator.verify(people, name, f"wrong {n}", source))
            for n in range(1_000)
        ]
        spent[name] = hashes(authenticator) - before
    assert heard["printer@kairan.test"] == heard["ghost@kairan.test"]
    assert spent == {"printer@kairan.test": 5, "ghost@kairan.test": 5}
    assert len(set(heard["ghost@kairan.test"])) == 2  # 535 at first, then 454
    assert waits.seconds == [0.1] * (2 * (1_000 - 5))  # each 454 comes a moment later


async def test_attack_9_a_thousand_failures_at_once(authenticator, people):
    """Nothing is gained by not waiting for the answers, nor by hanging up."""
    tries = [
        asyncio.create_task(authenticator.verify(people, "printer@kairan.test", f"wrong {n}", HERE))
        for n in range(1_000)
    ]
    await asyncio.sleep(0)
    for task in tries[::2]:
        task.cancel()
    await asyncio.gather(*tries, return_exceptions=True)
    while authenticator.statistics()["under_way"]:
        await asyncio.sleep(0.001)
    assert hashes(authenticator) == 5
    assert not authenticator._turns


async def test_attack_9_a_printer_is_not_locked_out_from_its_own_address(authenticator, people):
    name = "printer@kairan.test"
    for number in range(1_000):
        source = f"203.{number % 200}.{number // 200}.9"
        await authenticator.verify(people, name, "wrong horse", source)
    account = await authenticator.verify(people, name, "right horse", HERE)
    assert account == people.account(name)


async def test_attack_9_nor_by_a_neighbour_behind_the_same_address(authenticator, people, clock):
    name = "printer@kairan.test"
    account = await authenticator.verify(people, name, "right horse", HERE)
    for number in range(1_000):
        await authenticator.verify(people, name, f"wrong {number}", HERE)
    assert authenticator.cached(people, name, "right horse", HERE) == account
    clock.now += 601
    for number in range(100):
        await authenticator.verify(people, name, f"wrong {number}", HERE)
    assert authenticator.cached(people, name, "right horse", HERE) is None
    assert await authenticator.verify(people, name, "right horse", HERE) == account


async def test_attack_9_guessing_a_known_password_for_others_is_slowed_down_too(
    authenticator, people
):
    """The right password of one account must not open another one."""
    await authenticator.verify(people, "printer@kairan.test", "right horse", HERE)
    for number in range(1_000):
        await authenticator.verify(people, f"guess{number}@kairan.test", "right horse", HERE)
    assert hashes(authenticator) == 1 + CHEAP.address_failures_free


async def test_fifty_sessions_of_one_application_cost_one_hash(authenticator, people):
    name = "printer@kairan.test"
    answers = await asyncio.gather(
        *(authenticator.verify(people, name, "right horse", HERE) for _ in range(50))
    )
    assert answers == [people.account(name)] * 50
    assert hashes(authenticator) == 1


async def test_beyond_the_queue_the_answer_is_454_without_waiting(people, clock):
    settings = AuthSettings(argon2_memory_kib=8, argon2_time_cost=1, hashing_queue_max=2)
    authenticator = Authenticator(settings, clock=clock, random=lambda size: b"r" * size)
    answers = await asyncio.gather(
        *(authenticator.verify(people, "printer@kairan.test", "right horse", f"10.0.{n}.1")
          for n in range(3))
    )  # fmt: skip
    assert isinstance(answers[2], Refuse)
    assert (answers[2].outcome.code, answers[2].outcome.enhanced) == (454, "4.7.0")
    assert answers[:2] == [people.account("printer@kairan.test")] * 2
    await authenticator.close()


async def test_the_reason_is_for_the_trace_only(authenticator, people):
    answer = await authenticator.verify(people, "off@kairan.test", "right horse", HERE)
    assert isinstance(answer, Refuse)
    assert answer.detail == "disabled account"
    assert b"disabled" not in reply(answer)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is the whole process's")
async def test_hashing_steps_back_for_the_rest_of_the_process(authenticator, people):
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    await authenticator.verify(people, "printer@kairan.test", "wrong horse", HERE)
    hashing = [one for one in threading.enumerate() if one.name.startswith("kairan-argon2")]
    assert {os.getpriority(os.PRIO_PROCESS, one.native_id) for one in hashing} == {max(ours, 10)}
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours
