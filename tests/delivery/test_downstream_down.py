"""A real next hop that is stopped under load and started again: nothing acknowledged is lost.

A copy may come twice: where the next hop was stopped between taking a message and saying so.
"""

import asyncio
import random
import re
from collections import Counter
from functools import partial

import pytest

from kit.killable import KillableService, Plan
from kit.ledger import Ledger, read_message
from kit.senders import Habit
from peers.dovecot import dovecot_lmtp
from peers.postfix import postfix_smtp
from promises.ledgers import Scene

pytestmark = pytest.mark.peers

STOPS = 2
HABITS = [
    Habit(tls=True, pipelined=False),
    Habit(tls=False, pipelined=True, mix=(4, 1, 1, 1), pause_seconds=0.2),
]
_DELIVERED_TO = re.compile(rb"^Delivered-To: ?<?([^>\n]+)>?$", re.MULTILINE)


def in_one_mailbox(postfix):
    for message in postfix.messages():
        yield _DELIVERED_TO.search(message)[1].decode(), message


def in_their_mailboxes(dovecot):
    return ((user, message) for user in dovecot.users for message in dovecot.mailbox(user))


def arrivals(copies):
    """Message-ID and mailbox of each copy there."""
    found = Counter()
    for mailbox, message in copies:
        message_id, is_whole = read_message(message)
        assert is_whole, message_id
        found[message_id, mailbox] += 1
    return found


async def send_while_it_is_stopped(on, server):
    await on.start()
    async with on.load(random.Random(1), HABITS):
        await on.wait_promises(10)
        for _ in range(STOPS):
            await asyncio.to_thread(server.stop)
            await on.wait_promises(20)  # the intake does not mind
            await asyncio.to_thread(server.start)
            await on.wait_promises(10)
    await on.wait_until(lambda: not on.service.queued(), "an empty queue")
    assert await asyncio.to_thread(on.service.stop) == 0


async def wait_arrivals(on, copies):
    promised = {
        (message_id, recipient)
        for message_id in on.ledger.promises
        for recipient in on.ledger.offers[message_id]
    }
    await on.wait_until(lambda: promised <= arrivals(copies()).keys(), "all that was acknowledged")
    found = arrivals(copies())
    print(f"{len(promised)} copies promised, {found.total() - len(found)} duplicates")
    return found


@pytest.mark.parametrize("kind", ["postfix", "dovecot"])
async def test_a_next_hop_that_was_down_gets_everything_in_the_end(tmp_path, kind):
    mailboxes = tuple(f"box{n:02}@{kind}.test" for n in range(50))
    scheme, running, copies = {
        "postfix": ("smtp", postfix_smtp, in_one_mailbox),
        "dovecot": ("lmtp", partial(dovecot_lmtp, *mailboxes), in_their_mailboxes),
    }[kind]
    with running() as server:
        destination = f"{scheme}://127.0.0.1:{server.port}?tls=none&sessions_max=5"
        plan = Plan(destination, domain=f"{kind}.test", mailboxes=mailboxes)
        on = Scene(KillableService(tmp_path, plan), Ledger(tmp_path / "journal"), None)
        try:
            await send_while_it_is_stopped(on, server)
        finally:
            await asyncio.to_thread(on.service.stop)
        found = await wait_arrivals(on, partial(copies, server))
    assert {message_id for message_id, _ in found} <= on.ledger.offers.keys()
