"""A name that does not resolve costs the others nothing."""

import asyncio
import socket
import threading

import pytest

from kairan.relay.names import Names

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 25))]


class Resolver:
    """Answers for names that begin with `good` until it is `silent`; the others never."""

    def __init__(self):
        self.asked = []
        self.silent = False
        self.over = threading.Event()

    def __call__(self, host, port):
        self.asked.append(host)
        if host.startswith("good") and not self.silent:
            return FOUND
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        self.over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "name servers are silent")


@pytest.fixture
def resolver():
    resolver = Resolver()
    yield resolver
    resolver.over.set()


async def hanging(names, count):
    tasks = [asyncio.create_task(names.wait_found(f"dead{n}.test", 25)) for n in range(count)]
    await asyncio.sleep(0)
    return tasks


async def ended(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_hundred_names_that_do_not_resolve_do_not_hold_up_one_that_does(resolver):
    names = Names(resolver)
    tasks = await hanging(names, 100)
    assert await asyncio.wait_for(names.wait_found("good.test", 25), 30) == FOUND
    await ended(tasks)


async def test_a_name_that_has_resolved_needs_none_of_the_threads_that_others_fill(resolver):
    names = Names(resolver, threads_max=4)
    assert await names.wait_found("good.test", 25) == FOUND
    tasks = await hanging(names, 20)
    assert await asyncio.wait_for(names.wait_found("good.test", 25), 30) == FOUND
    await ended(tasks)


async def test_while_name_servers_are_silent_the_last_addresses_serve(resolver):
    names = Names(resolver)
    await names.wait_found("good.test", 25)
    resolver.silent = True
    assert await asyncio.wait_for(names.wait_found("good.test", 25), 30) == FOUND


async def test_a_name_is_looked_up_once_however_many_ask(resolver):
    names = Names(resolver)
    found = await asyncio.gather(*(names.wait_found("good.test", 25) for _ in range(20)))
    assert found == [FOUND] * 20
    assert resolver.asked == ["good.test"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_number_needs_no_lookup(resolver, host):
    names = Names(resolver)
    found = await names.wait_found(host, 25)
    assert [info[4][:2] for info in found] == [(host, 25)]
    assert resolver.asked == []


async def test_a_name_that_is_not_known_says_so(resolver):
    with pytest.raises(socket.gaierror, match="not known"):
        await Names(resolver).wait_found("unknown.test", 25)


async def test_those_that_wait_for_a_thread_get_one(resolver):
    names = Names(resolver, threads_max=1)
    tasks = [asyncio.create_task(names.wait_found(f"good{n}.test", 25)) for n in range(5)]
    assert await asyncio.wait_for(asyncio.gather(*tasks), 30) == [FOUND] * 5


@pytest.fixture
def no_more_threads(monkeypatch):
    start, refuses = threading.Thread.start, threading.Event()

    def start_or_not(thread):
        if refuses.is_set() and thread.name.startswith("name "):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)
    return refuses


async def test_a_lookup_that_gets_no_thread_fails_at_once_and_the_next_one_is_made(
    resolver, no_more_threads
):
    names = Names(resolver)
    no_more_threads.set()
    for _ in range(2):
        with pytest.raises(OSError, match="thread"):
            await asyncio.wait_for(names.wait_found("good.test", 25), 30)
    no_more_threads.clear()
    assert await asyncio.wait_for(names.wait_found("good.test", 25), 30) == FOUND


async def test_a_lookup_that_waited_and_gets_no_thread_fails_too(resolver, no_more_threads):
    names = Names(resolver, threads_max=1)
    (hangs,) = await hanging(names, 1)
    waits = [asyncio.create_task(names.wait_found(f"good{n}.test", 25)) for n in range(3)]
    await asyncio.sleep(0)
    no_more_threads.set()
    resolver.over.set()
    for one in waits:
        with pytest.raises(OSError, match="thread"):
            await asyncio.wait_for(one, 30)
    no_more_threads.clear()
    assert await asyncio.wait_for(names.wait_found("good.test", 25), 30) == FOUND
    await ended([hangs])


async def test_whatever_a_lookup_raises_is_heard_by_whoever_waits():
    def look_up(_host, _port):
        raise ValueError("an answer nobody has thought of")

    names = Names(look_up)
    for _ in range(2):
        with pytest.raises(ValueError, match="nobody"):
            await asyncio.wait_for(names.wait_found("odd.test", 25), 30)
