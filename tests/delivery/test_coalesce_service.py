"""A whole service: what asked for it is joined on its way to the next server, and nothing else is."""

import pytest

from kairan.cli import sample
from kairan.testing.peer import ScriptedPeer
from kit.live import PRINTER, in_thread, running_service, wait_for

RECIPIENTS = [sample.user(n) for n in range(1, 21)]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with (
        in_thread(ScriptedPeer()) as peer,
        running_service(
            tmp_path_factory.mktemp("coalesce"),
            routes={sample.DOMAIN: f"smtp://127.0.0.1:{peer.port}?tls=none"},
            workers=1,
        ) as running,
    ):
        running.peer = peer
        yield running


def sent(service, subject: bytes, *more: bytes):
    """What the next server got of twenty messages that waited for it together."""
    before = len(service.log)
    service.kairan("queue", "pause", "--route", sample.DOMAIN)
    service.wait_log("delivery.paused", since=before)
    with service.client("device", tls=False) as client:
        for recipient in RECIPIENTS:
            fields = [b"From: " + PRINTER.encode(), b"To: " + recipient.encode(), *more]
            content = b"\r\n".join([*fields, b"Subject: " + subject, b"", b"Fire."])
            assert client.send(content, recipient).startswith("250")
    service.kairan("queue", "resume", "--all")

    def all_of_them():
        found = [one for one in service.peer.messages if b"Subject: " + subject in one.content]
        return found if sum(len(one.recipients) for one in found) == len(RECIPIENTS) else None

    return wait_for(all_of_them, "the messages at the next server")


@pytest.mark.parametrize("word", [b"yes", b"YES "])
def test_what_asks_is_joined_and_the_word_goes_no_further(service, word):
    found = sent(service, b"joined " + word.strip(), b"X-Kairan-Coalesce: " + word)
    assert len(found) < len(RECIPIENTS) / 2
    for message in found:
        assert b"coalesce" not in message.content.lower()
    joined = max(found, key=lambda one: len(one.recipients))
    assert b"To: undisclosed-recipients:;\r\n" in joined.content
    assert not [one for one in RECIPIENTS if one.encode() in joined.content]


@pytest.mark.parametrize("more", [[], [b"X-Kairan-Coalesce: no"]])
def test_what_does_not_ask_goes_one_by_one(service, more):
    found = sent(service, b"by itself %d" % len(more), *more)
    assert len(found) == len(RECIPIENTS)
    assert not [one for one in found if b"coalesce" in one.content.lower()]
    for message in found:
        (recipient,) = message.recipients
        assert b"To: " + recipient.strip("<>").encode() + b"\r\n" in message.content
