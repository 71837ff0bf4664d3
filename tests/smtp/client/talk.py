"""Short words for tests of the client engine."""

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.smtp.client.engine import ClientEngine
from kairan.smtp.client.events import ClientEvent, Ended, Trouble

HELLO = b"250-peer.test\r\n250-PIPELINING\r\n250-DSN\r\n250-8BITMIME\r\n250 SIZE 1000\r\n"
PLAIN_HELLO = b"250 peer.test\r\n"
BINARY = b"250-peer.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"


def explain(trouble: Trouble, detail: str) -> Reply:
    code = {Trouble.SESSION_REFUSED: 451, Trouble.PROTOCOL_BROKEN: 451}.get(trouble, 554)
    return Reply.of(code, "", f"{trouble.value} {detail}".strip())


def new_client(*, lmtp: bool = False, secure: bool = False, trusting: bool = False) -> ClientEngine:
    return ClientEngine(
        hostname="us.test", explain=explain, lmtp=lmtp, secure=secure, trusting=trusting
    )


def ready_client(hello: bytes = HELLO, *, lmtp: bool = False, secure: bool = False) -> ClientEngine:
    client = new_client(lmtp=lmtp, secure=secure)
    client.receive(b"220 peer.test\r\n" + hello)
    client.take()
    return client


def envelope(sender: str = "from@us.test", **more: object) -> Envelope:
    return Envelope(sender=Address(sender), recipients=(), arrived=0.0, **more)


def to(*addresses: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(Address(address)) for address in addresses)


def begin(
    client: ClientEngine, *addresses: str, content: bytes | None = b"hi\r\n"
) -> list[ClientEvent]:
    return client.begin(
        envelope(),
        to(*addresses or ("a@x.test",)),
        content=content,
        size=len(content or b""),
    )


def codes(event: ClientEvent) -> list[int]:
    return [reply.code for reply in event.replies]


def end_of(events: list[ClientEvent]) -> str:
    """Why the session ended."""
    assert isinstance(events[-1], Ended)
    return str(events[-1].reply)
