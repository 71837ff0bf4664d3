"""What became of each recipient: a value, whatever happened."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kairan.mail.reply import Reply
from kairan.outcomes.outcome import Outcome, Text


class State(StrEnum):
    """There is no fourth: what was refused for now (`Result.may_pass_later`) is refused."""

    SENT = "sent"  # the server took it and answers for it from now on
    REFUSED = "refused"  # the server has not got it
    UNKNOWN = "unknown"  # it had the whole message and did not answer: sending again may double it


@dataclass(frozen=True, slots=True)
class Result:
    recipient: str
    state: State
    reply: Reply  # the server's, or where it said nothing, ours (`reply.is_ours`)
    server: str  # host, address and port; empty: the server was not asked
    outcome: Outcome | None = None  # of a refusal: its entry in the catalogue, where it has one
    # It is about our account or settings: the next message would fare no better until those are mended.
    blames_account: bool = False

    @property
    def may_pass_later(self) -> bool:
        """Refused for now, as often as we tried; the same message may be sent again later."""
        return self.state is State.REFUSED and self.reply.is_transient

    @property
    def causes(self) -> tuple[Text, ...]:
        """Likeliest first, each in English and Japanese."""
        return self.outcome.causes if self.outcome else ()

    @property
    def remedies(self) -> tuple[Text, ...]:
        return self.outcome.remedies if self.outcome else ()


@dataclass(frozen=True, slots=True)
class Report:
    """Of one message: a result for each recipient, each once, in the order given."""

    message_id: str
    results: tuple[Result, ...]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @property
    def all_sent(self) -> bool:
        return all(result.state is State.SENT for result in self.results)

    def of(self, state: State) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.state is state)

    def count(self) -> Counter[State]:
        return Counter(result.state for result in self.results)
