"""Which entries of the catalogue a reply or a log line means, by its whole text.

The words decide, the enhanced code confirms, the basic code tips the scales: one code stands for
many faults (5.7.139 for nine), and one fault comes under several codes.

A log has millions of lines and a few dozen different refusals.  So `may_hold_refusal` looks at a
line before it is decoded, and the judgement of one reply, stripped of what is different each time,
is kept.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize

from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.digits import is_standard
from kairan.outcomes.classify.parts import ReplyPart, reply_part
from kairan.outcomes.classify.phrases import (
    COMMON_PHRASES,
    COMMON_WORDS,
    LIKELY_FIRST,
    OTHER_CODES,
    PHRASES,
)
from kairan.outcomes.clients import AUTH_NOT_OFFERED
from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.runtime.kept import kept

# A large site's log of a year has some hundreds of different replies, each some 300 octets.
_JUDGEMENTS_OCTETS = 8 * 1024 * 1024
_JUDGED_OCTETS = 512
# What is less likely than this share of the likeliest is not worth a person's time.
_WORTH_NAMING = 0.75
# Below it an entry is a guess, and a wrong remedy costs more than none.
_CONFIDENCE_MIN = 0.3


class Words(Enum):
    """What the text says of an entry."""

    TELLING = "telling"  # a phrase that means this and nothing else
    COMMON = "common"  # a phrase that many servers use on many occasions
    NONE = "none"


class Codes(Enum):
    """How the enhanced code compares with the entry's."""

    SAME = "same"
    OTHER_CLASS = "other class"  # Postfix turns 5 into 4 where it tries again
    ABSENT = "absent"
    DIFFERENT = "different"


# How likely each pair makes an entry; a pair that is not here rules it out.
_CONFIDENCE: Mapping[tuple[Words, Codes], float] = {
    (Words.TELLING, Codes.SAME): 0.97,
    (Words.TELLING, Codes.OTHER_CLASS): 0.93,
    (Words.COMMON, Codes.SAME): 0.95,
    (Words.COMMON, Codes.OTHER_CLASS): 0.90,
    (Words.TELLING, Codes.ABSENT): 0.85,
    (Words.TELLING, Codes.DIFFERENT): 0.70,
    (Words.NONE, Codes.SAME): 0.50,
    (Words.COMMON, Codes.ABSENT): 0.45,
    (Words.NONE, Codes.OTHER_CLASS): 0.35,
}
# The basic code tells entries of one enhanced code apart (451 and 535 5.7.3, 550 and 554 5.2.252).
_CODE_AGREES, _CODE_DIFFERS, _ONLY_CODE_DIFFERS = 0.03, -0.05, -0.25

_WHY: Mapping[tuple[Words, Codes], Text] = {
    (Words.TELLING, Codes.SAME): Text("Text and code agree.", "本文とコードが一致します。"),
    (Words.TELLING, Codes.OTHER_CLASS): Text(
        "The text says so; the code's first digit was turned by a mail server that tries again.",
        "本文が一致します。コードの先頭の数字は、再試行するメール サーバーが書き換えたものです。",
    ),
    (Words.COMMON, Codes.SAME): Text("Text and code agree.", "本文とコードが一致します。"),
    (Words.COMMON, Codes.OTHER_CLASS): Text(
        "Text and code agree but for the first digit, which a mail server that tries again turns.",
        "先頭の数字を除いて一致します（再試行するメール サーバーが書き換えます）。",
    ),
    (Words.TELLING, Codes.ABSENT): Text(
        "The text says so; there is no enhanced code to confirm it.",
        "本文が一致します。裏付けとなる拡張コードはありません。",
    ),
    (Words.TELLING, Codes.DIFFERENT): Text(
        "The text says so; the code is one that stands for several faults, or another server's.",
        "本文が一致します。コードは複数の原因に共通のもの、または別のサーバーのものです。",
    ),
    (Words.NONE, Codes.SAME): Text(
        "The code fits; the text is none that we know, or is missing.",
        "コードは一致しますが、本文が未知のもの、または欠けています。",
    ),
    (Words.COMMON, Codes.ABSENT): Text(
        "The words fit, but many servers say them on many occasions.",
        "文言は合いますが、多くのサーバーがさまざまな場面で使う表現です。",
    ),
    (Words.NONE, Codes.OTHER_CLASS): Text(
        "The code fits but for its first digit.", "コードは先頭の数字を除いて一致します。"
    ),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    key: str
    confidence: float  # 0 … 1, to compare candidates; no probability
    why: Text
    phrase: str = ""  # what was found in the text, squeezed; empty: its code alone


# The entries of our own that say so of any command.
_SAY_THE_SAME = frozenset({"command-unknown", "command-not-implemented"})
_NO_AUTH_HERE = Candidate(
    AUTH_NOT_OFFERED.key,
    0.80,
    Text(
        "The reply answers AUTH, and its code says that the server does not know the command.",
        "AUTH への応答であり、コードはサーバーがコマンドに対応していないことを示します。",
    ),
)


@dataclass(frozen=True, slots=True)
class Classification:
    """Likeliest first; no candidates: nothing in the catalogue fits."""

    candidates: tuple[Candidate, ...]
    part: ReplyPart

    @property
    def key(self) -> str:
        return self.candidates[0].key if self.candidates else ""

    @property
    def decided(self) -> str:
        """The one entry that fits best; empty where a code alone fits several alike."""
        return "" if self.is_one_of else self.key

    @property
    def is_one_of(self) -> bool:
        """Nine faults have the code 5.7.139: without its words any of them would be a guess."""
        first, second = (*self.candidates[:2], None, None)[:2]
        if first is None or second is None or first.phrase:
            return False
        return first.confidence == second.confidence

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(candidate.key for candidate in self.candidates)

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


# Necessary for every line with a code in it, and cheap: most lines of a log have neither.
_HINT = re.compile(rb"[45](?:\.\d{1,3}\.\d|\d\d(?:[- ][!-~]|, ?b?['\"]))")


def may_hold_refusal(line: bytes) -> bool:
    """False: certainly no reply code in it.  For logs, before decoding."""
    return _HINT.search(line) is not None


def classify(text: str) -> Classification:
    """One reply, one line of a log, one message of an exception."""
    return classify_part(reply_part(text))


def classify_part(part: ReplyPart) -> Classification:
    words = squeeze(_ADDRESS.sub("", part.text))
    found = _judged(words, part)
    quoted = _QUOTED.search(part.text)
    if quoted:
        inner = squeeze(_ADDRESS.sub("", quoted[1]))
        of_server = _judged(inner, part)
        found = of_server if of_server and of_server[0].phrase else found
    if part.lacks_auth and _is_open(found, words):
        found = (_NO_AUTH_HERE,)
    return Classification(found, part)


def _judged(words: str, part: ReplyPart) -> tuple[Candidate, ...]:
    return _judge(words, part.code or 0, part.enhanced, part.speaker)


# System.Net.Mail has one sentence for each basic code, two causes in one, and quotes the server behind it.
_QUOTED = re.compile(
    r"(?:server response was|Serverantwort (?:war|lautete)|サーバーの?応答(?:は)?)\s*[:：]\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)


def squeeze(text: str) -> str:
    """Letters and digits alone, in lower case: wrapping, quoting and spacing do not count."""
    return _NEITHER_LETTER_NOR_DIGIT.sub("", normalize("NFKC", text).casefold())


_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@,;]{1,255}")


def _is_open(found: tuple[Candidate, ...], words: str) -> bool:
    """Whether the words leave it to the code what is meant."""
    told = (
        found
        and found[0].phrase
        and found[0].confidence > _NO_AUTH_HERE.confidence
        and found[0].key not in _SAY_THE_SAME
    )
    return not told and not any(word in words for word in ("toolong", "lineistoo", "syntax"))


@dataclass(frozen=True, slots=True)
class _Entry:
    outcome: Outcome
    own: str  # our text
    telling: tuple[str, ...]
    common: tuple[str, ...]
    codes: Mapping[str, Speaker]  # enhanced ones, and at whose server they mean this
    rank: int  # low: met often


def _entries() -> Iterator[_Entry]:
    for place, outcome in enumerate(CATALOGUE.values()):
        key = outcome.key
        own = squeeze(outcome.text)
        telling = tuple(map(squeeze, PHRASES.get(key, ())))
        common = tuple(map(squeeze, COMMON_PHRASES.get(key, ())))
        is_common = key in COMMON_WORDS
        yield _Entry(
            outcome,
            own,
            telling if is_common else (own, *telling),
            (own, *common) if is_common else common,
            {outcome.enhanced: outcome.speaker, **_other_codes(key)},
            LIKELY_FIRST.index(key) if key in LIKELY_FIRST else len(LIKELY_FIRST) + place,
        )


def _other_codes(key: str) -> Mapping[str, Speaker]:
    return {code: speaker for code, (meant, speaker) in OTHER_CODES.items() if meant == key}


_ENTRIES = tuple(_entries())


@kept(octets=_JUDGEMENTS_OCTETS, key_octets=_JUDGED_OCTETS)
def _judge(words: str, code: int, enhanced: str, speaker: Speaker | None) -> tuple[Candidate, ...]:
    fits = [fit for entry in _ENTRIES if (fit := _fit(entry, code, enhanced, words, speaker))]
    found = [fit[0].phrase for fit in fits]
    fits = [fit for fit in fits if not _is_said_closer(fit[0].phrase, found)]
    fits.sort(key=lambda fit: (-fit[0].confidence, -len(fit[0].phrase), fit[1]))
    if not fits:
        return ()
    best = fits[0][0]
    return tuple(
        one for one, _ in fits if one.confidence >= _WORTH_NAMING * best.confidence or one is best
    )


def _is_said_closer(phrase: str, found: Iterable[str]) -> bool:
    """Whether another entry's phrase has it within: "authentication failed" says nothing beside
    "authentication failed: invalid authentication mechanism", whatever code stands in front.
    """
    return bool(phrase) and any(phrase in one and phrase != one for one in found)


def _fit(
    entry: _Entry, code: int, enhanced: str, words: str, speaker: Speaker | None
) -> tuple[Candidate, int] | None:
    phrase, kind = _longest(entry.telling, words), Words.TELLING
    if not phrase:
        phrase, kind = _longest(entry.common, words), Words.COMMON
        kind = kind if phrase and _may_mean(entry, words, speaker) else Words.NONE
    pair = (kind, _compare(entry, enhanced))
    if pair not in _CONFIDENCE:
        return None
    if kind is Words.NONE and not _code_is_enough(entry, code, enhanced, words, speaker):
        return None
    phrase = "" if kind is Words.NONE else phrase
    confidence = round(_CONFIDENCE[pair] + _agreement(entry, code, pair), 2)
    if confidence < _CONFIDENCE_MIN:
        return None
    return Candidate(entry.outcome.key, confidence, _WHY[pair], phrase), entry.rank


def _may_mean(entry: _Entry, words: str, speaker: Speaker | None) -> bool:
    """Common words mean an entry of ours only if we said them, or nothing else was said."""
    if entry.outcome.speaker is not Speaker.KAIRAN:
        return True
    return speaker is Speaker.KAIRAN or (speaker is None and words == entry.own)


def _code_is_enough(
    entry: _Entry, code: int, enhanced: str, words: str, speaker: Speaker | None
) -> bool:
    """Whether a code without words that we know chooses the entry.

    It does where every server means this by it, where its own server spoke, and where the number is
    one that the standard leaves to Exchange.  A standard number behind words that are none of ours
    is some other server's, with a meaning of its own.
    """
    if entry.outcome.needs_words:
        return False
    if speaker is Speaker.KAIRAN:
        return True
    same = (own for own in entry.codes if own == enhanced)
    own = next(same, "") or next(one for one in entry.codes if one[1:] == enhanced[1:])
    match entry.codes[own]:
        case Speaker.ANY:
            return code in {0, entry.outcome.code} or own != entry.outcome.enhanced
        case Speaker.EXCHANGE:
            return not words or not is_standard(enhanced)
        case Speaker.KAIRAN:
            return False


def _agreement(entry: _Entry, code: int, pair: tuple[Words, Codes]) -> float:
    if not code:
        return 0.0
    if code == entry.outcome.code:
        return _CODE_AGREES
    # Who turns the class keeps no basic code: one that is there and differs means something else.
    only_code_differs = pair[1] is Codes.SAME or pair == (Words.NONE, Codes.OTHER_CLASS)
    return _ONLY_CODE_DIFFERS if only_code_differs else _CODE_DIFFERS


def _longest(phrases: tuple[str, ...], words: str) -> str:
    return max((phrase for phrase in phrases if phrase in words), key=len, default="")


def _compare(entry: _Entry, enhanced: str) -> Codes:
    if not enhanced:
        return Codes.ABSENT
    if enhanced in entry.codes:
        return Codes.SAME
    own = entry.outcome.enhanced
    # RFC 3463 section 2: subject and detail say what, the class only for how long.
    return Codes.OTHER_CLASS if enhanced[1:] == own[1:] else Codes.DIFFERENT
