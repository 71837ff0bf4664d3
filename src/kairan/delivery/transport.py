"""The interface of a transport, and its results: one per recipient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.relay.contact import Contact


@dataclass(frozen=True, slots=True)
class Delivered:
    reply: Reply
    relay: str  # who took it: "maildir:/srv/mail", "mx1.example.com[192.0.2.1]:25"
    remote: str = ""  # the host alone, for Remote-MTA; empty: no server was reached
    # The next hop speaks DSN (RFC 3461) and was given NOTIFY: it reports success itself.
    reported_by_next_hop: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Again later: a 4xx, no connection, or no answer after the final dot.

    `is_unknown`: the last of these, so that the recipient may have the message and get it twice.
    """

    reply: Reply
    relay: str
    remote: str = ""
    contact: Contact = Contact.ANSWERED
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """For good: a 5xx."""

    reply: Reply
    relay: str
    remote: str = ""


RecipientResult: TypeAlias = Delivered | Deferred | Failed


class Transport(Protocol):
    """One destination of the routes.  Holds sessions; knows nothing of queues and retries."""

    @property
    def recipients_max(self) -> int:
        """Recipients of one message that `deliver` takes at once."""

    @property
    def concurrency_max(self) -> int:
        """How many `deliver` at the same time make sense, to one destination."""

    @property
    def is_remote(self) -> bool:
        """Another server, which may be down: one message finds out for all."""

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        """One result for each recipient, in their order.  Raises nothing but CancelledError."""

    async def close(self) -> None: ...
