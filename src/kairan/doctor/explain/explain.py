"""A pasted reply, a line of a log, a bounce: what happened, why, and what to do.

The texts are the catalogue's; this module finds the entries, adds the dates that matter, and says
what the digits say where no entry fits.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kairan.doctor.answer import Verdict
from kairan.doctor.device.panel_codes import (
    BarePanelCode,
    PanelReading,
    bare_panel_code,
    panel_reading,
)
from kairan.doctor.explain.bounce import readings
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import FIND_WORDS, UNDECIDED, one_of_text, with_key
from kairan.outcomes.classify.classify import Candidate, Classification, classify_part
from kairan.outcomes.classify.digits import meaning_of_digits
from kairan.outcomes.classify.parts import ReplyPart, reply_parts
from kairan.outcomes.dates import MILESTONES, Milestone
from kairan.outcomes.entra import SOURCE, EntraRefusal, refusals_in
from kairan.outcomes.outcome import PROFILES, Outcome, Text

UNKNOWN = "unknown"
ACCEPTED = "accepted"
# A bounce with what it returns; of its text, unpacked, a transcript's length.  Whole files are for
# `kairan doctor log`.
PASTED_CHARACTERS_MAX = 1_000_000
TEXT_CHARACTERS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Advice:
    """`causes` and `remedies`: likeliest first.  `profiles`: the editions that have it."""

    when: Text
    causes: tuple[Text, ...] = ()
    remedies: tuple[Text, ...] = ()
    source: str = "RFC 5321 section 4.2.1"
    profiles: tuple[str, ...] = PROFILES


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing that the text may mean.  `key` is the catalogue's, or UNKNOWN, or ACCEPTED.

    `reply` is as the catalogue has it; where it has none, as it was pasted.  `is_one_of`: the code
    alone fits it and others alike, so that none of them may be taken for the cause.
    """

    key: str
    reply: ReplyPart
    advice: Advice
    confidence: float
    why: Text
    dates: tuple[Milestone, ...] = ()
    is_one_of: bool = False


_BASIC_AUTH_DATES = (
    "client-basic-auth-off-by-default",
    "client-basic-auth-final-date-announced",
    "hve-basic-auth-ends",
    "client-basic-auth-april-2026",
)
# Where a date is part of the answer.
_DATES: Mapping[str, tuple[str, ...]] = {
    "basic-auth-not-allowed": _BASIC_AUTH_DATES,
    "client-basic-auth-ended": _BASIC_AUTH_DATES,
    "basic-auth-disabled": _BASIC_AUTH_DATES,
    "relay-denied": ("acs-email-ends",),
    "security-defaults-block": _BASIC_AUTH_DATES,
    "smtp-auth-disabled-tenant": _BASIC_AUTH_DATES,
    "smtp-auth-disabled-mailbox": _BASIC_AUTH_DATES,
}
_OLD_ENDPOINT = "smtp-hve.office365.com"
_OLD_ENDPOINT_ENDS = "hve-old-endpoint-ends"

_POSITIVE = re.compile(r"^(?:[^\S\n]|[<>*~|-])*+[23]\d\d(?:[ -]|$)", re.MULTILINE)

_UNKNOWN_WHEN = Text(
    "The catalogue has no entry for this text; here is what its digits say.",
    "この本文に該当する項目はありません。番号から分かることを示します。",
)
_NOTHING_WHEN = Text(
    "There is no reply code and no wording in this text that we know.",
    "応答コードも既知の文言も見つかりませんでした。",
)
_PASTE_MORE = Text(
    "Paste the whole reply with its three digits, or the lines of the log around it; or ask the server itself: `kairan doctor probe HOST`.",
    "3 桁の番号を含む応答全体、または前後のログ行を貼り付けてください。サーバーを直接調べることもできます: `kairan doctor probe HOST`",
)
_ASK_OPERATOR = Text(
    "Give the reply, the time and the session id in its brackets to the administrator of the server that said it.",
    "応答と時刻、角かっこ内のセッション ID を、その応答を返したサーバーの管理者に伝えてください。",
)
_RETRY = Text(
    "Send it again later; if it fails for a day, treat it as a failure for good.",
    "時間をおいて再送してください。1 日たっても失敗する場合は恒久的な失敗とみなしてください。",
)
_ALIKE_WHY = Text("The code fits several entries alike.", "コードが複数の項目に等しく一致します。")
_NO_ENTRY_WHY = Text("Read from the digits alone.", "番号のみから判断しました。")


def explain(text: str) -> tuple[Explanation, ...]:
    """Likeliest first; of a transcript with several refusals, reply by reply.  Never empty."""
    panel = panel_reading(text)
    if panel is None:
        found = _of_text(text)
        bare = bare_panel_code(text) if {one.key for one in found} == {UNKNOWN} else None
        return found if bare is None else (_of_bare_panel(bare),)
    beside = tuple(one for one in _of_text(panel.rest) if one.key not in {UNKNOWN, ACCEPTED})
    if panel.known is None:
        return beside or (_of_panel(panel),)
    return _of_panel(panel), *beside


def _of_text(text: str) -> tuple[Explanation, ...]:
    rule = _RULE.search(text[:TEXT_CHARACTERS_MAX])
    if rule and rule[1] in CATALOGUE:
        return (_of_key(rule[1]),)
    by_token = tuple(map(_of_entra, refusals_in(text[:PASTED_CHARACTERS_MAX])))
    judged: list[Classification] = []
    for reading in readings(text[:PASTED_CHARACTERS_MAX]):
        parts = reply_parts(reading[:TEXT_CHARACTERS_MAX])
        judged = [*judged, *(classify_part(part) for part in parts)]
        # Beside Entra ID's number, words alone ("authentication failed") say nothing more.
        known = [one for one in judged if one.candidates and not (by_token and not _has_codes(one))]
        if known:
            return *by_token, *_of_candidates(known, text)
    if by_token:
        return by_token
    if bare_key(text):
        return (_of_key(bare_key(text)),)
    with_digits = [one for one in judged if _has_codes(one)]
    judged = with_digits or judged[:1]
    part = judged[0].part
    if part.code is None and not part.enhanced and _POSITIVE.search(text):
        return (_accepted(text),)
    return tuple(_unknown(one.part) for one in judged)


def _has_codes(one: Classification) -> bool:
    return bool(one.part.code or one.part.enhanced)


def explain_briefly(text: str) -> tuple[Explanation, ...]:
    """As `explain`, for where there is room for the first or two: entries that a code without words
    fits alike are one explanation, which says so and chooses none.
    """
    found = explain(text)
    alike = tuple(one for one in found if one.is_one_of)
    if not alike:
        return found
    others = (one for one in found if not one.is_one_of)
    told = _of_alike(alike)
    return (told, *others) if found[0].is_one_of else (*others, told)


def _of_alike(alike: Sequence[Explanation]) -> Explanation:
    return replace(
        alike[0],
        key=UNDECIDED,
        advice=Advice(
            one_of_text(len(alike)),
            tuple(with_key(one.key, one.advice.when) for one in alike),
            (FIND_WORDS,),
            alike[0].advice.source,
        ),
        why=_ALIKE_WHY,
    )


def verdict_of(explanations: Iterable[Explanation]) -> Verdict:
    keys = {one.key for one in explanations}
    if keys == {ACCEPTED}:
        return Verdict.HEALTHY
    return Verdict.UNCLEAR if keys == {UNKNOWN} else Verdict.PROBLEM


_NO_TOKEN_WHEN = Text(
    "Entra ID gave the client no access token, so that no login by token could be tried; the mail server has not judged anything.",
    "Entra ID がアクセス トークンを発行しなかったため、トークンによるログインは行われていません。メール サーバーは何も判定していません。",
)
_NUMBER_WHY = Text("The number of Entra ID says so.", "Entra ID のエラー番号が示しています。")
_KEY_WHY = Text("The name of an entry.", "項目の名前です。")
# As our log and trace write it.
_RULE = re.compile(r"\brule=\"?([a-z0-9-]+)")
_KEY = re.compile(r"(?<![a-z0-9])[a-z0-9]++(?:-[a-z0-9]++)++")


def bare_key(text: str) -> str:
    """An entry's own name."""
    return next((word for word in _KEY.findall(text) if word in CATALOGUE), "")


def _of_key(key: str) -> Explanation:
    return _explanation(CATALOGUE[key], Candidate(key, 1.0, _KEY_WHY))


def _of_entra(refusal: EntraRefusal) -> Explanation:
    return Explanation(
        key=refusal.outcome.key,
        reply=ReplyPart(None, "", f"AADSTS{refusal.number}"),
        advice=Advice(_NO_TOKEN_WHEN, (refusal.meaning,), (refusal.remedy,), SOURCE),
        confidence=0.97,
        why=_NUMBER_WHY,
    )


_PANEL_WHY = Text("A code of this maker's panel.", "このメーカーの操作パネルのコードです。")
_PANEL_UNKNOWN = Text(
    "This is a code of the device's panel, not a reply of a mail server; we know no manual that explains it.",
    "これは機器の操作パネルのコードで、メール サーバーの応答ではありません。このコードを説明する取扱説明書を確認できていません。",
)
_PANEL_UNKNOWN_REMEDIES = (
    Text(
        "Look the code up in the manual of this very model; models of one maker differ.",
        "その機種の取扱説明書でコードを調べてください。同じメーカーでも機種によって異なります。",
    ),
    Text(
        "The mail server's log of that minute says more than the panel: explain the reply in it; where there is none, "
        "the device did not reach the server: `kairan doctor probe HOST`.",
        "操作パネルよりもメール サーバーのログの方が詳しく分かります。その時刻の応答を調べてください。応答がなければ、機器は"
        "サーバーに届いていません: `kairan doctor probe HOST`",
    ),
)


_PANEL_BARE = Text(
    "This may be a code of a device's panel; of this shape are codes of {}. Without the maker it says nothing.",
    "機器の操作パネルのコードかもしれません。この形のコードを表示するメーカー: {}。メーカーが分からなければ意味は決まりません。",
)
_NAME_MAKER = Text(
    'Name the maker in front of it, as in `kairan doctor explain "{} {}"`.',
    'メーカー名を前に付けてください。例: `kairan doctor explain "{} {}"`',
)


def _of_bare_panel(bare: BarePanelCode) -> Explanation:
    makers = bare.makers
    example = (makers[0], bare.code)
    return Explanation(
        key=UNKNOWN,
        reply=ReplyPart(None, "", bare.code),
        advice=Advice(
            Text(
                _PANEL_BARE.en.format(" and ".join(makers)),
                _PANEL_BARE.ja.format("、".join(makers)),
            ),
            remedies=(
                Text(_NAME_MAKER.en.format(*example), _NAME_MAKER.ja.format(*example)),
                *_PANEL_UNKNOWN_REMEDIES,
            ),
            source="; ".join(f"{maker} {bare.code}" for maker in makers),
        ),
        confidence=0.0,
        why=_NO_ENTRY_WHY,
    )


def _of_panel(panel: PanelReading) -> Explanation:
    known = panel.known
    if known is None:
        advice = Advice(
            _PANEL_UNKNOWN, remedies=_PANEL_UNKNOWN_REMEDIES, source=f"{panel.maker} {panel.code}"
        )
    else:
        advice = Advice(known.when, known.causes, known.remedies, known.source)
    return Explanation(
        key=UNKNOWN if known is None else panel.key,
        reply=ReplyPart(None, "", f"{panel.maker} {panel.code}"),
        advice=advice,
        confidence=0.0 if known is None else 0.9,
        why=_PANEL_WHY,
    )


def _of_candidates(judged: Iterable[Classification], text: str) -> Iterator[Explanation]:
    seen: set[str] = set()
    dates = (_OLD_ENDPOINT_ENDS,) if _OLD_ENDPOINT in text else ()
    by_token = mentions_token(text)
    for classification in judged:
        for candidate in classification.candidates:
            if candidate.key not in seen:
                seen.add(candidate.key)
                outcome = CATALOGUE[candidate.key]
                one = _explanation(outcome, candidate, dates, by_token=by_token)
                yield replace(one, is_one_of=classification.is_one_of)


# Of the text around a refusal: which mechanism was tried.
_TOKEN = re.compile(r"XOAUTH2|OAUTHBEARER|auth=Bearer|AADSTS\d", re.IGNORECASE)


def mentions_token(text: str) -> bool:
    return bool(_TOKEN.search(text))


def advice_of(outcome: Outcome, *, by_token: bool) -> Advice:
    """Of a login by token its own causes come first; a reply may be a password's as well."""
    when, causes, remedies = outcome.when, outcome.causes, outcome.remedies
    if by_token and outcome.by_token:
        when = outcome.by_token.when
        causes = (*outcome.by_token.causes, *causes)
        remedies = (*outcome.by_token.remedies, *remedies)
    return Advice(when, causes, remedies, outcome.source, outcome.profiles)


def _explanation(
    outcome: Outcome, candidate: Candidate, dates: tuple[str, ...] = (), *, by_token: bool = False
) -> Explanation:
    wanted = (*_DATES.get(outcome.key, ()), *dates)
    return Explanation(
        key=outcome.key,
        reply=ReplyPart(outcome.code, outcome.enhanced, outcome.text),
        advice=advice_of(outcome, by_token=by_token),
        confidence=candidate.confidence,
        why=candidate.why,
        dates=tuple(one for name in wanted for one in MILESTONES if one.key == name),
    )


def _unknown(part: ReplyPart) -> Explanation:
    digits = tuple(meaning_of_digits(part.code, part.enhanced))
    is_transient = (part.enhanced or str(part.code or ""))[:1] == "4"
    if not digits:
        remedies: tuple[Text, ...] = (_PASTE_MORE,)
    else:
        remedies = (*((_RETRY,) if is_transient else ()), _ASK_OPERATOR, _PASTE_MORE)
    return Explanation(
        key=UNKNOWN,
        reply=part,
        advice=Advice(
            _UNKNOWN_WHEN if digits else _NOTHING_WHEN,
            digits,
            remedies,
            "RFC 3463, RFC 5248" if part.enhanced else "RFC 5321 section 4.2.1",
        ),
        confidence=0.0,
        why=_NO_ENTRY_WHY,
    )


def _accepted(text: str) -> Explanation:
    found = re.search(r"[23]\d\d", text)
    return Explanation(
        key=ACCEPTED,
        reply=ReplyPart(int(found[0]) if found else None, "", text.strip()[:200]),
        advice=Advice(
            Text(
                "This is no refusal: the server agreed.",
                "これは拒否ではありません。サーバーは受け入れています。",
            )
        ),
        confidence=1.0,
        why=Text("The first digit is 2 or 3.", "先頭の数字が 2 または 3 です。"),
    )
