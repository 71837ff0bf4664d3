"""Our client engine against our server engine: what one says the other understands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairan.mail.envelope import Recipient
from kairan.smtp.client.events import LoggedIn, Ready, Sent, TlsGranted
from kairan.smtp.client.login import LoginClient, PlainClient
from smtp.client.talk import envelope, new_client
from smtp.server.talk import DEVICE, HVE, Talk


class Pair:
    """Octets go to and fro, `step` at a time, until both are silent."""

    def __init__(self, policy=HVE, *, step=10_000, trusting=False, **state):
        self.talk = Talk(policy, **state)
        self.client = new_client(secure=self.talk.engine.secure, trusting=trusting)
        self.events = []
        self._step = step
        self._heard = 0
        self.talk.engine.greet("mail.kairan.test")
        self.run()

    def run(self, *events):
        self.events += events
        while True:
            said = self.client.take()
            for piece in self._cut(said):
                self.talk.say(piece)
            self.talk.say(b"")
            answer = self.talk.output[self._heard :]
            self._heard = len(self.talk.output)
            for piece in self._cut(answer):
                self._took(self.client.receive(piece))
            if not said and not answer:
                return self.events

    def _took(self, events):
        self.events += events
        if TlsGranted() in events:
            self.client.tls_started()

    def _cut(self, octets):
        return [octets[n : n + self._step] for n in range(0, len(octets), self._step)]

    def send(self, content, *names, **more):
        recipients = tuple(Recipient(f"{name}@kairan.test") for name in names)
        begun = self.client.begin(
            envelope("printer@kairan.test", **more),
            recipients,
            content=content,
            size=len(content),
        )
        return self.run(*begun)[-1]


def test_tls_login_and_a_message():
    pair = Pair()
    pair.client.start_tls()
    assert isinstance(pair.run()[-1], Ready)
    pair.client.login(PlainClient("printer@kairan.test", "right"))
    assert isinstance(pair.run()[-1], LoggedIn)
    sent = pair.send(b"Subject: x\r\n\r\n.\r\n", "user001", "refused", "user002")
    assert [reply.code for reply in sent.replies] == [250, 550, 250]
    assert pair.talk.messages == [b"Subject: x\r\n\r\n.\r\n"]


def test_login_in_two_questions():
    pair = Pair(secure=True)
    pair.client.login(LoginClient("printer@kairan.test", "right"))
    assert isinstance(pair.run()[-1], LoggedIn)


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_nobody_wants_the_first_message_and_the_next_still_arrives(step):
    pair = Pair(step=step, secure=True, authenticated=True)
    refused = pair.send(b"a\r\n", "refused")
    sent = pair.send(b"b\r\n", "user001")
    assert isinstance(refused, Sent)
    assert [reply.code for reply in refused.replies] == [550]
    assert [reply.code for reply in sent.replies] == [250]
    assert pair.talk.messages == [b"b\r\n"]


def test_a_message_too_large_for_the_server_is_refused_for_all():
    pair = Pair(DEVICE, secure=True)
    sent = pair.send(b"x" * 2_000, "user001", "user002")
    assert [reply.code // 100 for reply in sent.replies] == [5, 5]
    assert pair.talk.messages == []


@settings(max_examples=50)
@given(st.binary(max_size=60), st.integers(1, 9))
def test_binary_content_arrives_octet_for_octet(content, step):
    pair = Pair(step=step, secure=True, authenticated=True)
    pair.send(content, "user001", body="BINARYMIME")
    assert pair.talk.messages == [content]


@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("sender", "names", "codes"),
    [
        ("printer", ["user001"], [250]),
        ("printer", ["user001", "refused", "user002"], [250, 550, 250]),
        ("printer", ["refused"], [550]),
        ("refused", ["user001", "user002"], [550, 550]),
    ],
)
def test_a_server_that_is_trusted_is_sent_the_same_in_one_piece(
    trusting, step, sender, names, codes
):
    pair = Pair(step=step, trusting=trusting, secure=True, authenticated=True)
    recipients = tuple(Recipient(f"{name}@kairan.test") for name in names)
    begun = pair.client.begin(
        envelope(f"{sender}@kairan.test"), recipients, content=b".a\nb", size=4
    )
    assert begun == []
    goes_on = pair.client.take()
    assert (b"BDAT" in goes_on) == trusting
    pair.client._out = [goes_on]
    [sent] = [one for one in pair.run() if isinstance(one, Sent)]
    assert [reply.code for reply in sent.replies] == codes
    taken = [b".a\r\nb\r\n"] if 250 in codes else []
    assert pair.talk.messages == taken
    after = pair.send(b"b\r\n", "user001")
    assert [reply.code for reply in after.replies] == [250]
    assert pair.talk.messages == [*taken, b"b\r\n"]


def test_what_is_large_waits_for_the_answers_of_a_trusted_server_too():
    pair = Pair(trusting=True, secure=True, authenticated=True)
    recipients = (Recipient("user001@kairan.test"),)
    large = b"x" * 1_000 + b"\r\n"
    pair.client.begin(
        envelope("printer@kairan.test"), recipients, content=large * 70, size=len(large) * 70
    )
    assert pair.client.take().endswith(b"DATA\r\n")
