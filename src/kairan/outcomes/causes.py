"""Which entry of the catalogue a refusal is: ours by its own text, a server's by its words and codes (outcomes/classify).

A code without its words may fit several entries alike, 535 5.7.139 nine of them.  Then none is taken for
the cause: the answer is that it is one of them, and how to tell which (`OneOf`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import Classification, classify
from kairan.outcomes.outcome import Outcome, Text

# The key of what is no entry: `OneOf`.
UNDECIDED = "undecided"
# Below it only the code speaks, and without its class: a wrong remedy costs more than none.
_CONFIDENCE_MIN = 0.45

FIND_WORDS = Text(
    "Find the words behind the code: the server said them, and one sentence tells which it is. They stand in the log of the program that sends (nodemailer, PHPMailer and smtplib print them, Postfix and msmtp log them); devices often show the code alone: ask the server as the device does, `kairan doctor probe HOST --user USER`.",
    "コードの後に続く文言を確認してください。サーバーが返した 1 文で原因が分かります。送信プログラムのログにあります（nodemailer、PHPMailer、smtplib は表示し、Postfix と msmtp はログに記録します）。機器がコードしか表示しない場合は、機器と同じ方法でサーバーに確認してください: `kairan doctor probe HOST --user USER`",
)
_ONE_OF = Text(
    "It is one of these {}; the code alone does not tell which.",
    "次の {} 件のいずれかです。コードだけではどれか判断できません。",
)


@dataclass(frozen=True)
class OneOf(Outcome):
    """Not an entry: what a code means that several entries have, and nothing tells them apart.

    `causes`: each candidate's key and what happened then, the likelier first; none of them is chosen.
    """

    candidates: tuple[Outcome, ...] = ()


def outcome_of(reply: Reply) -> Outcome | None:
    if reply.is_positive:
        return None
    if reply.is_ours:
        # One text may begin another, which is then the one that was meant.
        ours = (one for one in CATALOGUE.values() if _is(one, reply))
        return max(ours, key=lambda one: len(one.text), default=None)
    return _meant(classify(str(reply)))


def outcomes_in(text: str) -> tuple[Outcome, ...]:
    """What a stored reply means: its entry, and where it is one of ours with a server's own words in
    brackets behind it, theirs first.
    """
    outer = _meant(classify(text))
    if outer is None:
        return ()
    words = "" if isinstance(outer, OneOf) else text.partition(outer.text)[2].strip()
    if not words.startswith("(") or not words.endswith(")"):
        return (outer,)
    inner = _meant(classify(words[1:-1]))
    if inner is None or inner.key == outer.key:
        return (outer,)
    return (inner, outer)


def _meant(found: Classification) -> Outcome | None:
    if found.confidence < _CONFIDENCE_MIN:
        return None
    if not found.is_one_of:
        return CATALOGUE[found.key]
    alike = [one.key for one in found.candidates if one.confidence == found.confidence]
    return _one_of([CATALOGUE[key] for key in alike], found)


def _one_of(candidates: Sequence[Outcome], found: Classification) -> OneOf:
    first = candidates[0]
    return OneOf(
        key=UNDECIDED,
        code=found.part.code or first.code,
        enhanced=found.part.enhanced,
        text=found.part.text,
        when=one_of_text(len(candidates)),
        causes=tuple(with_key(one.key, one.when) for one in candidates),
        remedies=(FIND_WORDS,),
        source=first.source,
        speaker=first.speaker,
        candidates=tuple(candidates),
    )


def one_of_text(number: int) -> Text:
    return Text(_ONE_OF.en.format(number), _ONE_OF.ja.format(number))


def with_key(key: str, when: Text) -> Text:
    return Text(f"{key}: {when.en}", f"{key}: {when.ja}")


def _is(outcome: Outcome, reply: Reply) -> bool:
    same = (outcome.code, outcome.enhanced) == (reply.code, reply.enhanced)
    return same and reply.text.startswith(outcome.text)
