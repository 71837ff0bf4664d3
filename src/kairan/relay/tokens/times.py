"""When a token may still be used to log in, when a new one is fetched, how long a session lasts.

    obtained                renew from here              last login        expires
       |────────── use ──────────|── use, and renew behind ──|── must renew ──|
                                 |<───── renew_seconds ──────────────────────>|
                                                             |<── refused_seconds ─>|

Short tokens have neither span to give: of one that lives less than twice the renewal, the service's
own span is kept, and of one that lives no longer than that, half its life.  (Such a token the service
may refuse; that is for the service to say, not a reason to ask the issuer at each login.)
"""

from dataclasses import dataclass
from enum import Enum, auto

from kairan.relay.tokens.token import AccessToken

# A session ends before its token does, by the time that a message under way needs to be answered;
# of short tokens by a tenth.
_SESSION_MARGIN_SECONDS = 60.0

# What two clocks may differ by: of the issuer's and ours, or of two machines that share a cache.
_CLOCK_SKEW_SECONDS = 300.0


class Use(Enum):
    USE = auto()
    USE_AND_RENEW = auto()  # good enough for this login, and a new one is due
    RENEW = auto()


@dataclass(frozen=True, slots=True)
class Margins:
    renew_seconds: float
    refused_seconds: float


def judge(token: AccessToken, now: float, margins: Margins) -> Use:
    if token.obtained > now + _CLOCK_SKEW_SECONDS:
        return Use.RENEW  # the clock was set back: when it expires nobody knows
    left = token.expires - now
    life = token.life_seconds
    refused = margins.refused_seconds if margins.refused_seconds < life else life / 2
    renew = min(margins.renew_seconds, max(refused, life / 2))
    if left > max(renew, refused):
        return Use.USE
    return Use.USE_AND_RENEW if left > refused else Use.RENEW


def session_end(token: AccessToken) -> float:
    return token.expires - min(_SESSION_MARGIN_SECONDS, token.life_seconds / 10)
