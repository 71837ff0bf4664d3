"""Any state, any octets: an event or a clean end, never another exception."""

from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.reply import Reply
from kairan.smtp.client.engine import ClientEngine, Phase
from kairan.smtp.client.events import Ended, Sent
from kairan.smtp.client.login import LoginClient
from smtp.client.talk import (
    BINARY,
    HELLO,
    PLAIN_HELLO,
    begin,
    envelope,
    new_client,
    ready_client,
    to,
)


def in_greeting() -> ClientEngine:
    return new_client()


def in_ehlo() -> ClientEngine:
    client = new_client()
    client.receive(b"220 hi\r\n")
    return client


def in_helo() -> ClientEngine:
    client = in_ehlo()
    client.receive(b"500 what\r\n")
    return client


def in_starttls() -> ClientEngine:
    client = ready_client()
    client.start_tls()
    return client


def in_handshake() -> ClientEngine:
    client = in_starttls()
    client.receive(b"220 go\r\n")
    return client


def in_ehlo_inside_tls() -> ClientEngine:
    client = in_handshake()
    client.tls_started()
    return client


def in_auth() -> ClientEngine:
    client = ready_client(secure=True)
    client.login(LoginClient("user", "secret"))
    return client


def in_quit() -> ClientEngine:
    client = ready_client()
    client.quit()
    return client


def in_transaction(*replies: bytes, hello: bytes = HELLO, lmtp: bool = False) -> ClientEngine:
    client = ready_client(hello, lmtp=lmtp)
    begin(client, "a@x.test", "b@x.test")
    client.receive(b"".join(replies))
    return client


def in_content() -> ClientEngine:
    client = ready_client()
    begin(client, content=None)
    client.receive(b"250 m\r\n250 a\r\n354 go\r\n")
    return client


def in_bdat() -> ClientEngine:
    client = ready_client(BINARY)
    client.begin(envelope(body="BINARYMIME"), to("a@x.test"), content=b"x", size=1)
    return client


STATES = {
    "greeting": in_greeting,
    "ehlo": in_ehlo,
    "helo": in_helo,
    "ready": ready_client,
    "starttls": in_starttls,
    "handshake": in_handshake,
    "ehlo inside tls": in_ehlo_inside_tls,
    "auth": in_auth,
    "quit": in_quit,
    "mail": in_transaction,
    "mail, lock-step": lambda: in_transaction(hello=PLAIN_HELLO),
    "mail refused": lambda: in_transaction(b"550 m\r\n"),
    "rcpt": lambda: in_transaction(b"250 m\r\n"),
    "rcpt, lock-step": lambda: in_transaction(b"250 m\r\n250 a\r\n", hello=PLAIN_HELLO),
    "data": lambda: in_transaction(b"250 m\r\n250 a\r\n550 b\r\n"),
    "data, all refused": lambda: in_transaction(b"250 m\r\n550 a\r\n550 b\r\n"),
    "lone dot": lambda: in_transaction(b"250 m\r\n550 a\r\n550 b\r\n354 go\r\n"),
    "dot": lambda: in_transaction(b"250 m\r\n250 a\r\n550 b\r\n354 go\r\n"),
    "dot, lmtp": lambda: in_transaction(b"250 m\r\n250 a\r\n250 b\r\n354 go\r\n", lmtp=True),
    "content": in_content,
    "bdat": in_bdat,
}

almost_replies = st.lists(
    st.sampled_from(
        [b"220 ", b"250-", b"250 ", b"250", b"334 ", b"354 ", b"421 ", b"503 ", b"550 5.1.1 ",
         b"\r\n", b"\n", b"\r", b"ok", b"AUTH LOGIN", b"PIPELINING", b"=", b"\xff", b"\0"]
    )
    | st.binary(max_size=8),
    max_size=30,
).map(b"".join)  # fmt: skip


def feed(client: ClientEngine, data: bytes, step: int) -> list:
    events = []
    for n in range(0, len(data), step):
        events += client.receive(data[n : n + step])
        client.take()
    return events


@given(state=st.sampled_from(sorted(STATES)), data=almost_replies, step=st.integers(1, 50))
def test_any_octets_in_any_state_lead_to_events_and_at_most_one_end(state, data, step):
    client = STATES[state]()
    events = feed(client, data, step)
    ends = [event for event in events if isinstance(event, Ended)]
    assert len(ends) == (client.phase is Phase.ENDED)
    assert not ends or events[-1] is ends[0]
    assert sum(isinstance(event, Sent) for event in events) <= 1


@given(state=st.sampled_from(sorted(STATES)), data=almost_replies, step=st.integers(1, 50))
def test_the_pieces_make_no_difference_to_the_events(state, data, step):
    assert feed(STATES[state](), data, step) == feed(STATES[state](), data, max(1, len(data)))


@given(state=st.sampled_from(sorted(STATES)), data=almost_replies)
def test_a_transaction_always_ends_with_one_reply_for_each_recipient(state, data):
    client = STATES[state]()
    was_open = client._transaction is not None
    events = client.receive(data) + client.end(Reply.of(451, "4.4.2", "lost"))
    results = [event for event in events if isinstance(event, Sent)]
    assert len(results) == was_open
    assert all(len(result.replies) in {1, 2} for result in results)
