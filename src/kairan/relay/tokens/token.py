"""An access token as we use it, and why there is none."""

from dataclasses import dataclass, field

from kairan.mail.reply import Reply
from kairan.outcomes.outcome import Outcome


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Opaque to us, as OAuth wants it.  Times are seconds since the epoch."""

    text: str = field(repr=False)
    obtained: float
    expires: float

    @property
    def life_seconds(self) -> float:
        return max(0.0, self.expires - self.obtained)


@dataclass(frozen=True, slots=True)
class TokenFault:
    """`detail`: the issuer's words, on one line.  `error`: the standard's word among them, where the
    issuer answered with one (RFC 6749 section 5.2).
    """

    outcome: Outcome
    detail: str = ""
    error: str = ""

    @property
    def reply(self) -> Reply:
        return self.outcome.reply_with(f"({self.detail})") if self.detail else self.outcome.reply


@dataclass(frozen=True, slots=True)
class Fetched:
    """`state`: what the source wants to have back next time (a refresh token, say); secret too."""

    token: AccessToken
    state: str = field(default="", repr=False)
