"""Short words for tests of the sender."""

from dataclasses import replace

from kairan.relay.next_hop import TlsPolicy
from kairan.sender.async_sender import AsyncSender
from kairan.sender.message import Message
from kairan.sender.settings import SenderSettings
from kairan.testing.peer import ScriptedPeer

SETTINGS = SenderSettings(hostname="us.test", retry_pause_seconds=0.01)


def letter(*recipients: str, text: str = "Hello") -> Message:
    return Message.compose(
        sender="app@us.test", to=recipients or ("a@x.test",), subject="Hi", text=text
    )


def sender_to(peer: ScriptedPeer, **settings) -> AsyncSender:
    return AsyncSender(
        f"127.0.0.1:{peer.port}", tls=TlsPolicy.NONE, settings=replace(SETTINGS, **settings)
    )


def many(count: int) -> list[str]:
    return [f"user{n:03}@x.test" for n in range(1, count + 1)]
