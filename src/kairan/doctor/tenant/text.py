"""The report on an organisation as a person reads it, and as a program does."""

from collections.abc import Iterator
from typing import Any

from kairan.doctor.answer import Language, Line, say
from kairan.doctor.tenant.judge import (
    JudgedAccount,
    JudgedLogin,
    LoginAnswer,
    LoginWay,
    Reason,
    TenantReport,
)
from kairan.doctor.tenant.meanings import MEANINGS, ReasonKey
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Text

_WAYS = {
    LoginWay.PASSWORD: Text("password (Basic)", "パスワード（基本認証）"),
    LoginWay.TOKEN: Text("token (OAuth)", "トークン（OAuth）"),
}
_ANSWERS = {
    LoginAnswer.WORKS: Text("works", "利用可"),
    LoginAnswer.BLOCKED: Text("BLOCKED", "不可"),
    LoginAnswer.UNCLEAR: Text("cannot be told", "判定不可"),
}
_STYLES = {
    LoginAnswer.WORKS: "green",
    LoginAnswer.BLOCKED: "bold red",
    LoginAnswer.UNCLEAR: "yellow",
}
_HVE = Text("High Volume Email", "大量メール（HVE）")
_CLIENT = Text("mailbox, client submission", "メールボックス（クライアント送信）")
_READ_AT = Text("Read at", "読み取り日時")
_NO_ACCOUNT = Text("No account that sends was read.", "送信用のアカウントが見つかりませんでした。")
_WHAT_TO_DO = Text("What to do, once for each", "対処（種類ごとに 1 回）")
_ALSO = Text("Of the organisation", "組織全体")
_UNREAD = Text("Not read", "読み取れなかった項目")
_HEARS = Text("the login hears", "ログイン時の応答")


def lines_of(report: TenantReport, language: Language) -> Iterator[Line]:
    yield Line(f"{say(_READ_AT, language)} {report.collected or '?'}", "dim")
    if not report.accounts:
        yield Line(say(_NO_ACCOUNT, language), "bold yellow")
    for account in report.accounts:
        yield from _account_lines(account, language)
    if report.notes:
        yield Line(say(_ALSO, language), "bold")
        yield from (Line(f"  {_said(note, language)}") for note in report.notes)
    yield from _remedy_lines(report, language)
    if report.unread:
        yield Line(say(_UNREAD, language), "bold yellow")
        yield from (Line(f"  {part}: {why}") for part, why in report.unread)


def record_of(report: TenantReport, language: Language) -> dict[str, Any]:
    """For --json."""
    return {
        "collected": report.collected,
        "accounts": [
            {
                "address": one.account.address,
                "service": "hve" if one.account.is_hve else "client",
                "logins": [_login_record(login, language) for login in one.logins],
            }
            for one in report.accounts
        ],
        "notes": [_reason_record(note, language) for note in report.notes],
        "unread": [{"part": part, "why": why} for part, why in report.unread],
    }


def _account_lines(judged: JudgedAccount, language: Language) -> Iterator[Line]:
    kind = say(_HVE if judged.account.is_hve else _CLIENT, language)
    yield Line(f"{judged.account.address}  ({kind})", "bold cyan")
    for login in judged.logins:
        answer = say(_ANSWERS[login.answer], language)
        yield Line(f"  {say(_WAYS[login.way], language)}: {answer}", _STYLES[login.answer])
        for reason in login.reasons:
            yield Line(f"    {_said(reason, language)}{_heard(reason, language)}")


def _remedy_lines(report: TenantReport, language: Language) -> Iterator[Line]:
    reasons = [r for one in report.accounts for login in one.logins for r in login.reasons]
    keys = dict.fromkeys(reason.key for reason in (*reasons, *report.notes))
    if keys:
        yield Line(say(_WHAT_TO_DO, language), "bold")
    for key in keys:
        yield Line(f"  {key}: {say(MEANINGS[key].remedy, language)}")


def _said(reason: Reason, language: Language) -> str:
    return say(MEANINGS[reason.key].text, language).replace("{}", reason.detail)


def _heard(reason: Reason, language: Language) -> str:
    """The refusal that a login meets because of it; of a billing fault none is published."""
    key = MEANINGS[reason.key].outcome
    if reason.answer is not LoginAnswer.BLOCKED or not key or reason.key is ReasonKey.BILLING:
        return ""
    reply = CATALOGUE[key]
    return f"  [{say(_HEARS, language)}: {reply.code} {reply.enhanced} {key}]"


def _login_record(login: JudgedLogin, language: Language) -> dict[str, Any]:
    return {
        "way": login.way.value,
        "answer": login.answer.value,
        "reasons": [_reason_record(one, language) for one in login.reasons],
    }


def _reason_record(reason: Reason, language: Language) -> dict[str, str]:
    meaning = MEANINGS[reason.key]
    return {
        "key": reason.key.value,
        "answer": reason.answer.value,
        "detail": reason.detail,
        "text": _said(reason, language),
        "remedy": say(meaning.remedy, language),
        "outcome": meaning.outcome,
    }
