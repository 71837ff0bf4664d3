"""What a report says of one recipient."""

from dataclasses import dataclass
from enum import StrEnum

from kairan.mail.envelope import Recipient
from kairan.mail.reply import Reply


class Action(StrEnum):
    """RFC 3464 section 2.3.3, the most serious first."""

    FAILED = "failed"
    DELAYED = "delayed"
    EXPANDED = "expanded"
    RELAYED = "relayed"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class RecipientReport:
    recipient: Recipient
    action: Action
    reply: Reply
    remote: str = ""  # the server that was asked; empty: none was reached
    last: Reply | None = None  # the answer to the last try, where `reply` says that we gave up
    retry_until: float | None = None  # `delayed` only: seconds since the epoch

    @property
    def status(self) -> str:
        """RFC 3464 section 2.3.4.  A peer may say a code without its enhanced form, or one that
        contradicts what we made of it.
        """
        want = _CLASS[self.action]
        enhanced = self.reply.enhanced
        if enhanced.startswith(want) or self.reply.enhanced == "4.4.7":
            return enhanced  # 4.4.7 stands in a 550: Exchange's own contradiction, and RFC 3463's
        return f"{want}0.0"


_CLASS = {
    Action.FAILED: "5.",
    Action.DELAYED: "4.",
    Action.EXPANDED: "2.",
    Action.RELAYED: "2.",
    Action.DELIVERED: "2.",
}
