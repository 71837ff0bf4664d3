"""A service that misbehaves at every stage: nothing is lost and nothing bounces."""

import random
from collections import Counter

import pytest

from delivery.transport_talk import SETTINGS
from kairan.delivery.settings import DeliverySettings, DestinationSettings, RouteSettings
from kairan.delivery.transports.table import transport_for
from kairan.testing.peer import Cut, Rule, Say, ScriptedPeer
from kit.plain_identity import PlainIdentity
from kit.until import until
from peers.servers import make_certificate

MESSAGES = 30
FAULTS = {
    "CONNECT": ("421 4.3.2 Service not available",),
    "AUTH": ("535 5.7.143 Expired token", "454 4.7.0 Temporary authentication failure"),
    "MAIL": (
        "421 4.4.2 Bye",
        "451 4.7.0 Temporary server error",
        "530 5.7.57 Client not authenticated",
    ),
    "RCPT": ("421 4.4.2 Bye", "451 4.7.500 Access denied, please try again later"),
    "DATA": ("421 4.4.2 Bye", "451 4.3.0 Try later"),
    "DOT": (
        "421 4.4.2 Bye",
        "432 4.3.2 Concurrent connections limit exceeded.",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
    ),
}


class Sometimes(Rule):
    """With a chance of one in eight."""

    def __init__(self, rng, verb, *actions):
        super().__init__(verb, *actions)
        self._rng = rng

    def matches(self, verb, nth, session):
        return verb == self.verb and self._rng.random() < 1 / 8


class NewTokens(PlainIdentity):
    """Each refused token is followed by another that may do."""

    def may_log_in_again(self, login, refusal):
        super().may_log_in_again(login, refusal)
        return True


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


async def test_nothing_is_lost_and_nothing_bounces(bench, certificate):
    rng = random.Random(11)
    rules = [Sometimes(rng, verb, Say(text)) for verb, texts in FAULTS.items() for text in texts]
    cut = Sometimes(rng, "DOT", Cut())
    async with ScriptedPeer(
        [*rules, cut], tls=certificate.server_context(), capabilities=["AUTH XOAUTH2", "PIPELINING"]
    ) as peer:
        text = f"smtp://localhost:{peer.port}?auth=oauth&identity=hve&ca={certificate.file}"
        real = transport_for(text, SETTINGS, {"hve": NewTokens()})
        bench.settings = DeliverySettings(
            routes=(RouteSettings("*", text),), destination=DestinationSettings(hold_seconds=20.0)
        )
        bench.transports[text] = real
        for n in range(MESSAGES):
            await bench.send("user1@kairan.test", body=b"Subject: %d\r\n\r\nHello.\r\n" % n)
        bench.start()
        while bench.spool.stored.jobs:
            await bench.settle()
            # Days would pass during one try on a busy machine, and messages expire.
            await until(lambda: not bench.delivery.statistics().running)
            bench.clock.advance(30.0)
            for queue in bench.delivery._destinations.to_wake(bench.clock()):
                bench.delivery._wake(queue)
        arrived = Counter(one.content.split(b"\r\n")[0] for one in peer.messages)
        await real.close()
    assert set(arrived) == {b"Subject: %d" % n for n in range(MESSAGES)}
    sent = Counter(event["message_id"] for event in bench.trace.events if event["event"] == "SEND")
    assert sum(message.endswith("@test>") for message in sent) == MESSAGES
    assert "FAIL" not in bench.trace.names()
    assert not [body for _, body in bench.reports() if b"Action: failed" in body]
