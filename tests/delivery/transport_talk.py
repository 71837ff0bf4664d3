"""Short words for tests of the transports."""

from kairan.delivery.transport import RecipientResult
from kairan.delivery.transports.settings import TransportSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.relay.settings import RelaySettings

SETTINGS = TransportSettings(relay=RelaySettings(hostname="us.test", quit_timeout_seconds=0.5))
CONTENT = b"Subject: hi\r\n\r\n.hi\r\n..\r\nthe end\r\n"


def envelope(sender: str = "from@us.test", **more: object) -> Envelope:
    return Envelope(sender=Address(sender), recipients=(), arrived=0.0, **more)


def to(*addresses: str, notify: Notify = Notify.UNSET) -> list[Recipient]:
    return [Recipient(Address(address), notify=notify) for address in addresses]


def kinds(results: list[RecipientResult]) -> list[str]:
    return [type(result).__name__ for result in results]
