"""SMTP and LMTP to one fixed next hop, over held sessions."""

from collections.abc import Iterable, Sequence

from kairan.delivery.transport import Deferred, Delivered, Failed, RecipientResult
from kairan.delivery.transports.authors import AuthorRule
from kairan.delivery.transports.context import TransportContext
from kairan.delivery.transports.destination import read_author_rule, read_destination
from kairan.mail.envelope import Content, Envelope, Notify, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.outcome import Outcome
from kairan.relay import faults
from kairan.relay.next_hop import NextHop
from kairan.relay.pool import Pool, PoolStatistics, TransactionResult
from kairan.relay.settings import RelaySettings

_OURSELVES = "none"  # relay= where no server was asked


def results_of(
    answers: Iterable[TransactionResult], recipients: Sequence[Recipient]
) -> list[RecipientResult]:
    """RFC 5321 section 4.2.1: the first digit decides."""
    results: list[RecipientResult] = []
    rest = iter(recipients)
    has_wishes = any([one.notify for one in recipients])  # noqa: C419 - a generator is dearer
    for answer in answers:
        if not (has_wishes or answer.kept) and _is_one_yes(answer.replies):
            taken = Delivered(answer.replies[0], answer.relay, answer.remote)
            results += [taken for _ in zip(answer.replies, rest, strict=False)]
            continue
        for n, (reply, recipient) in enumerate(zip(answer.replies, rest, strict=False)):
            if n in answer.kept:
                again = faults.kept(reply)
                results.append(Deferred(again, answer.relay, answer.remote, contact=answer.contact))
            elif reply.is_positive:
                # RFC 3461 section 5.2.3: the next hop took over reporting, if it was asked to.
                reported = answer.dsn and recipient.notify is not Notify.UNSET
                results.append(Delivered(reply, answer.relay, answer.remote, reported))
            elif reply.is_transient:
                results.append(
                    Deferred(
                        reply,
                        answer.relay,
                        answer.remote,
                        contact=answer.contact,
                        is_unknown=n in answer.unknown,
                    )
                )
            else:
                results.append(Failed(reply, answer.relay, answer.remote))
    return results


def _is_one_yes(replies: Sequence[Reply]) -> bool:
    """Nearly always one reply to the final dot is everybody's, and one result says so for all."""
    return bool(replies) and replies[0].is_positive and replies.count(replies[0]) == len(replies)


def make(destination: str, context: TransportContext) -> "SmtpTransport":
    next_hop, settings = read_destination(destination, context.settings.relay, context.identities)
    return SmtpTransport(next_hop, settings, read_author_rule(destination, next_hop))


class SmtpTransport:
    def __init__(
        self, next_hop: NextHop, settings: RelaySettings, author: AuthorRule | None = None
    ) -> None:
        """`author`: None: messages go out as they came."""
        self._settings = settings
        self._author = author
        self._pool = Pool(next_hop, settings)

    @property
    def recipients_max(self) -> int:
        return self._settings.recipients_max

    @property
    def concurrency_max(self) -> int:
        return self._settings.sessions_max

    @property
    def is_remote(self) -> bool:
        return True

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        if self._author is not None:
            prepared = await self._author.wait_prepared(envelope, content)
            if isinstance(prepared, Outcome):
                return [Failed(prepared.reply, _OURSELVES)] * len(recipients)
            envelope, content = prepared.envelope, prepared.content
        answers = await self._pool.send(envelope, recipients, content)
        return results_of(answers, recipients)

    def statistics(self) -> PoolStatistics:
        return self._pool.statistics()

    async def close(self) -> None:
        await self._pool.close()
