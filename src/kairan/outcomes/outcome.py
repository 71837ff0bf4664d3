"""The shape of one entry of the catalogue."""

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from kairan.mail.reply import Reply

# RFC 5321 section 4.5.3.1.5, with code and CRLF.
REPLY_LINE_OCTETS_MAX = 512

# Which edition of HVE says it.  hve-2025: the codes of the first troubleshooting page; hve-2026:
# the page after general availability, which moved three token refusals from 501 to 535.
PROFILES = ("hve-2025", "hve-2026")


@dataclass(frozen=True, slots=True)
class Text:
    """One explanation in the languages we speak."""

    en: str
    ja: str


class Speaker(Enum):
    """Whose reply an entry is, and so what its code says where the words are unknown."""

    ANY = "any"  # the standard gives the code this meaning, whichever server says it
    EXCHANGE = "exchange"  # Exchange Online's, High Volume Email's, and ours which follow them
    KAIRAN = "kairan"  # no other server's: causes and remedies are about this service


@dataclass(frozen=True, slots=True)
class ByToken:
    """What a reply that does not say which mechanism it refuses means where it was a token."""

    when: Text
    causes: tuple[Text, ...]
    remedies: tuple[Text, ...]


@dataclass(frozen=True)
class Outcome:
    """A refusal (or a deferral: the first digit says which) and what a person can do about it.

    `key` names the rule in logs and traces; causes and remedies stand in order, likeliest first;
    `source` says where code and text come from.
    """

    key: str
    code: int
    enhanced: str
    text: str
    when: Text
    causes: tuple[Text, ...]
    remedies: tuple[Text, ...]
    source: str
    profiles: tuple[str, ...] = PROFILES
    speaker: Speaker = Speaker.EXCHANGE
    needs_words: bool = False  # its code says too little: many servers give it for much else
    by_token: ByToken | None = None

    @cached_property
    def reply(self) -> Reply:
        return Reply(self.code, self.enhanced, (self.text,), is_ours=True)

    @cached_property
    def codes(self) -> str:
        return f"{self.code} {self.enhanced}"

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    def reply_with(self, suffix: str = "", *, help_url: str = "") -> Reply:
        """The reply with Exchange's `[host time session-id]` behind the text.

        `help_url`, with our key behind it, is where the refusal is explained; it is left out where
        the line has no room.
        """
        text = f"{self.text} {suffix}".rstrip()
        reply = Reply(self.code, self.enhanced, (text,), is_ours=True)
        if not help_url:
            return reply
        longer = replace(reply, lines=(f"{text} See {help_url}{self.key}",))
        return longer if len(longer.wire) <= REPLY_LINE_OCTETS_MAX else reply
