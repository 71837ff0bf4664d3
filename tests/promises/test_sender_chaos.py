"""A server that does at every step what no server should: no recipient is lost, none is bounced that
the server did not refuse, and whoever may have the message twice is named and has it once.
"""

import random
import time
from dataclasses import replace

import pytest

from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched
from kairan.sender.async_sender import AsyncSender
from kairan.sender.journal import Journal
from kairan.sender.mailing import OneMessage, Personalised, Run
from kairan.sender.merge import Template
from kairan.sender.result import State
from kairan.sender.rows import DataRow
from kit.certificates import server_certificate
from kit.chaotic_peer import ChaoticPeer
from sender.sender_talk import SETTINGS, letter


def issuer():
    count = iter(range(1_000_000))

    def fetch(_state):
        now = time.time()
        return Fetched(AccessToken(f"token-{next(count)}", now, now + 3_600))

    return fetch


def addresses(count):
    """One in fifty is nobody."""
    return [f"{'nobody' if n % 50 == 7 else 'user'}{n:05}@x.test" for n in range(count)]


def personalised(count):
    template = Template("From: app@us.test\nSubject: For {{ n }}\n\nDear {{ n }}\n")
    rows = (DataRow(n, {"email": one, "n": n}) for n, one in enumerate(addresses(count), 1))
    return Personalised(template, rows, "email", None, 8)


def to_all(count):
    return OneMessage(letter(), iter(addresses(count)), 10)


@pytest.mark.parametrize("mailing", [personalised, to_all])
async def test_a_chaotic_server_loses_doubles_and_bounces_nobody(mailing, tmp_path, rounds):
    context, ca_file = server_certificate(tmp_path)
    count, seed = rounds(short=600, full=10_000), random.randrange(1 << 32)
    print("seed", seed)
    settings = replace(SETTINGS, tries_max=8, retry_pause_seconds=0.005)
    async with ChaoticPeer(seed, context) as peer:
        runs = 0
        while not runs or await is_more_to_do(tmp_path / "journal"):
            runs += 1
            assert runs < 30
            # A token refused twice is kept for five minutes; the next run begins with another.
            identity = Identity("app@us.test", TokenKeeper("t", issuer(), Margins(1_200, 600)))
            sender = AsyncSender(
                f"127.0.0.1:{peer.port}", identity=identity, ca_file=ca_file, settings=settings
            )
            with Journal(tmp_path / "journal") as journal:
                journal.begin(b"digest")
                async with sender:
                    await Run(sender, mailing(count), journal).wait_sent()
                found = {entry.address: entry for entry in journal.entries()}
    by_state = {
        state: {one for one, entry in found.items() if entry.state == state} for state in State
    }
    assert set(found) == set(addresses(count)), "nobody is lost"
    assert by_state[State.SENT] == set(peer.taken), "sent is what the server took"
    assert set(peer.taken.values()) == {1}, "and took once"
    assert by_state[State.REFUSED] <= {one for one in addresses(count) if "nobody" in one}
    assert {found[one].code for one in by_state[State.REFUSED]} == {550}
    assert set(peer.open) <= by_state[State.UNKNOWN], "whoever may have it is unknown"
    assert by_state[State.UNKNOWN] <= set(peer.open) | peer.perhaps, "and nobody else"
    assert set(peer.open.values()) <= {1}, "and was not sent to again"
    # Chance has the number: 27 on average where a message has ten recipients.
    assert len(peer.faults) > 2
    assert sum(peer.faults.values()) > count / 100


async def is_more_to_do(path):
    with Journal(path) as journal:
        return any(400 <= entry.code < 500 for entry in journal.entries([State.REFUSED]))
