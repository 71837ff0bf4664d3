"""Short words for tests of the relay."""

from dataclasses import replace

from kairan.mail.address import Address
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.pool import Pool, TransactionResult
from kairan.relay.settings import RelaySettings
from kairan.testing.peer import ScriptedPeer

SETTINGS = RelaySettings(hostname="us.test", quit_timeout_seconds=0.5)
ENVELOPE = Envelope(sender=Address("from@us.test"), recipients=(), arrived=0.0)
CONTENT = b"Subject: hi\r\n\r\n.hi\r\n"


def pool_to(peer: ScriptedPeer, *, tls: TlsPolicy = TlsPolicy.NONE, lmtp: bool = False, **settings):
    destination = NextHop(host="127.0.0.1", port=peer.port, tls=tls, lmtp=lmtp)
    return Pool(destination, replace(SETTINGS, **settings))


async def send(
    pool: Pool, *addresses: str, content: Content = CONTENT, envelope: Envelope = ENVELOPE
) -> list[TransactionResult]:
    recipients = [Recipient(Address(address)) for address in addresses or ("a@x.test",)]
    return await pool.send(envelope, recipients, content)


def codes(answers: list[TransactionResult]) -> list[int]:
    return [reply.code for answer in answers for reply in answer.replies]
