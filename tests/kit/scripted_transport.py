"""A way out that answers as it is told, and remembers who got what."""

from collections.abc import Awaitable, Callable, Sequence

from kairan.delivery.transport import Deferred, Delivered, Failed, RecipientResult
from kairan.mail.address import Address
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import PEER_UNREACHABLE
from kairan.relay.contact import Contact

OK = Reply.of(250, "2.0.0", "OK")
BUSY = Reply.of(451, "4.3.2", "Come back later")
SILENT = PEER_UNREACHABLE.reply
NO_SUCH_USER = Reply.of(550, "5.1.1", "No such user")

DELIVERED = Delivered(OK, "sink")
DEFERRED = Deferred(BUSY, "sink")
UNREACHABLE = Deferred(SILENT, "sink", contact=Contact.DOWN)
BROKEN = Deferred(SILENT, "sink", contact=Contact.BROKEN)
FAILED = Failed(NO_SUCH_USER, "sink")


async def _no_wait() -> None:
    return


class ScriptedTransport:
    """`answers`: what each address is told, last; the others are delivered.

    A list is used up from its front, its last answer stays.  `wait` is awaited before answering and
    after, `begin` when a delivery begins.
    """

    def __init__(
        self,
        answers: dict[str, RecipientResult | list[RecipientResult]] | None = None,
        *,
        recipients_max: int = 50,
        concurrency_max: int = 10,
        is_remote: bool = True,
        wait: Callable[[], Awaitable[None]] = _no_wait,
    ) -> None:
        self.answers = answers or {}
        self.recipients_max = recipients_max
        self.concurrency_max = concurrency_max
        self.is_remote = is_remote
        self.wait = wait
        self.begin: Callable[[], Awaitable[None]] = _no_wait
        self.calls: list[tuple[Envelope, tuple[Recipient, ...], Content]] = []
        self.delivered: list[tuple[str, Address]] = []  # (message id, recipient)
        self.running = 0
        self.running_most = 0
        self.is_closed = False

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        assert 0 < len(recipients) <= self.recipients_max
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        try:
            self.calls.append((envelope, tuple(recipients), content))
            await self.begin()
            await self.wait()
            results = [self._answer(recipient.address) for recipient in recipients]
            self.delivered += [
                (envelope.message_id, recipient.address)
                for recipient, result in zip(recipients, results, strict=True)
                if isinstance(result, Delivered)
            ]
            await self.wait()
            return results
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.is_closed = True

    def _answer(self, address: str) -> RecipientResult:
        answer = self.answers.get(address, self.answers.get("*", DELIVERED))
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer
