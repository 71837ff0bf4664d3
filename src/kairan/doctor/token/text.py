"""A token's report as a person reads it, and as a program does."""

from collections.abc import Iterator
from typing import Any

from kairan.doctor.answer import Language, Line, say
from kairan.doctor.token.claims import ClaimRow, ClaimVerdict
from kairan.doctor.token.input import Wrapping
from kairan.doctor.token.judge import ProfileAnswer, TokenReport
from kairan.outcomes.outcome import Text

_VERDICTS = {
    ClaimVerdict.GOOD: Text("good", "良"),
    ClaimVerdict.BAD: Text("BAD", "不可"),
    ClaimVerdict.UNCLEAR: Text("unclear", "不明"),
    ClaimVerdict.NOTE: Text("", ""),
}
_STYLES = {
    ClaimVerdict.GOOD: "green",
    ClaimVerdict.BAD: "bold red",
    ClaimVerdict.UNCLEAR: "yellow",
    ClaimVerdict.NOTE: "",
}
_WRAPPINGS = {
    Wrapping.BEARER: Text("It came behind Bearer.", "Bearer の後に書かれていました。"),
    Wrapping.XOAUTH2: Text("It came in an XOAUTH2 line.", "XOAUTH2 の行に入っていました。"),
    Wrapping.OAUTHBEARER: Text(
        "It came in an OAUTHBEARER line.", "OAUTHBEARER の行に入っていました。"
    ),
    Wrapping.ENDPOINT: Text(
        "It came in the token endpoint's answer.",
        "トークン エンドポイントの応答に入っていました。",
    ),
}
_USER = Text("User in the line", "行のユーザー")
_SIGNATURE = Text("Signature", "署名")
_ANSWER = Text("The service's answer", "サービスの応答")
_ACCEPTED = Text("accepted", "受け入れられます")
_WHAT_TO_DO = Text("What to do", "対処")
_MEANING = Text("Meaning", "意味")
_VALUE_COLUMN = 44


def lines_of(report: TokenReport, language: Language) -> Iterator[Line]:
    yield Line(say(report.note, language), "bold")
    if report.given.wrapping in _WRAPPINGS:
        yield Line(say(_WRAPPINGS[report.given.wrapping], language))
    if report.given.user:
        yield Line(f"{say(_USER, language)}: {report.given.user}")
    if report.given.error:
        error = report.given.error
        yield Line(f"{error.error} {error.number}".strip(), "bold red")
        yield Line(f"{say(_MEANING, language)}: {say(error.meaning, language)}")
        yield Line(f"{say(_WHAT_TO_DO, language)}: {say(error.remedy, language)}")
    for row in (*report.header, *report.claims):
        yield _claim_line(row, language)
    if report.signature:
        text = f"{say(_SIGNATURE, language)}: {say(report.signature.why, language)}"
        yield Line(text, _STYLES[report.signature.verdict])
    for answer in report.answers:
        yield _answer_line(answer, language)
    yield from _remedy_lines(report, language)


def record_of(report: TokenReport, language: Language) -> dict[str, Any]:
    """For --json."""
    error = report.given.error
    return {
        "kind": report.given.kind.value,
        "wrapping": report.given.wrapping.value,
        "user": report.given.user,
        "note": say(report.note, language),
        "header": [_row_record(row, language) for row in report.header],
        "claims": [_row_record(row, language) for row in report.claims],
        "signature": None
        if report.signature is None
        else {
            "verdict": report.signature.verdict.value,
            "why": say(report.signature.why, language),
        },
        "answers": [_answer_record(answer, language) for answer in report.answers],
        "remedies": [say(remedy, language) for remedy in report.remedies],
        "error": None
        if error is None
        else {
            "error": error.error,
            "number": error.number,
            "meaning": say(error.meaning, language),
            "remedy": say(error.remedy, language),
        },
    }


def _claim_line(row: ClaimRow, language: Language) -> Line:
    verdict = say(_VERDICTS[row.verdict], language)
    text = f"  {row.claim:<9} {row.value:<{_VALUE_COLUMN}} {verdict:<8} {say(row.why, language)}"
    return Line(text, _STYLES[row.verdict])


def _answer_line(answer: ProfileAnswer, language: Language) -> Line:
    said = (
        str(answer.outcome.reply) if answer.outcome else f"235 2.7.0 ({say(_ACCEPTED, language)})"
    )
    style = "bold red" if answer.outcome else "bold green"
    return Line(f"{say(_ANSWER, language)} ({answer.profile}): {said}", style)


def _remedy_lines(report: TokenReport, language: Language) -> Iterator[Line]:
    if report.remedies:
        yield Line(say(_WHAT_TO_DO, language), "bold")
        for number, remedy in enumerate(report.remedies, 1):
            yield Line(f"  {number}. {say(remedy, language)}")


def _row_record(row: ClaimRow, language: Language) -> dict[str, str]:
    return {
        "claim": row.claim,
        "value": row.value,
        "verdict": row.verdict.value,
        "why": say(row.why, language),
        "outcome": row.outcome,
    }


def _answer_record(answer: ProfileAnswer, language: Language) -> dict[str, Any]:
    outcome = answer.outcome
    return {
        "profile": answer.profile,
        "accepted": outcome is None,
        "key": outcome.key if outcome else "",
        "code": outcome.code if outcome else 235,
        "enhanced": outcome.enhanced if outcome else "2.7.0",
        "text": outcome.text if outcome else "Authentication successful",
        "remedies": [say(one, language) for one in outcome.remedies] if outcome else [],
    }
