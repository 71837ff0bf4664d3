"""Each claim of a token, judged by the rule that the service has for it.

The rule is auth's `judge_token`, which stops at the first fault.  So it is asked once for each claim,
with everything else in order: what it still refuses is that claim's own fault.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kairan.auth.tokens.judge import (
    ClaimContext,
    account_claim_of,
    app_of,
    is_app_only,
    judge_token,
    user_of,
)
from kairan.directory.model import Account
from kairan.outcomes.decision import Refuse
from kairan.outcomes.outcome import Outcome, Text

_VALUE_CHARACTERS_MAX = 120
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\u024f\u3000-\u9fff]")


class ClaimVerdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"  # it depends on what is not known here
    NOTE = "note"  # nothing depends on it


@dataclass(frozen=True, slots=True)
class ClaimRow:
    claim: str
    value: str
    verdict: ClaimVerdict
    why: Text
    outcome: str = ""  # the refusal that it ends in


# An hour ahead: beyond any margin.
_FRESH_SECONDS = 86_400.0
_TIMES = ("exp", "nbf", "iat")
_PERMISSIONS = ("roles", "scp", "scope")
_WHO = ("oid", "sub", "upn", "preferred_username", "unique_name", "appid", "azp", "idtyp")

_GOOD: Mapping[str, Text] = {
    "aud": Text("For Exchange Online.", "Exchange Online 向けです。"),
    "tid": Text("Of the tenant that is expected.", "想定どおりのテナントです。"),
    "exp": Text("It lives long enough.", "有効期限に余裕があります。"),
    "nbf": Text("It has begun.", "有効期間に入っています。"),
    "iat": Text("Made in the past.", "過去に発行されています。"),
    "roles": Text(
        "The application may send mail.", "アプリケーションに送信のアクセス許可があります。"
    ),
    "scp": Text(
        "The signed-in account may send mail.",
        "サインインしたアカウントに送信のアクセス許可があります。",
    ),
    "scope": Text(
        "The signed-in account may send mail.",
        "サインインしたアカウントに送信のアクセス許可があります。",
    ),
    "oid": Text(
        "On the account's list of allowed apps.", "アカウントの「許可されたアプリ」にあります。"
    ),
    "upn": Text("The account itself signed in.", "アカウント自身がサインインしています。"),
}

_BAD: Mapping[str, Text] = {
    "aud": Text(
        "For another service. Ask for the scope https://outlook.office365.com/.default; Microsoft Graph's tokens do not fit.",
        "別のサービス向けです。スコープ https://outlook.office365.com/.default を要求してください。Microsoft Graph のトークンは使えません。",
    ),
    "tid": Text("Of another tenant.", "別のテナントのトークンです。"),
    "exp": Text(
        "Over, or over within the margin of 10 minutes: get a new one.",
        "期限切れ、または 10 分以内に切れます。新しいトークンを取得してください。",
    ),
    "nbf": Text(
        "Not valid yet: compare the clocks.", "まだ有効期間前です。時計を確認してください。"
    ),
    "iat": Text(
        "Made in the future: compare the clocks.",
        "発行日時が未来です。時計を確認してください。",
    ),
    "roles": Text(
        "The application's permission Mail.Send (Office 365 Exchange Online) is missing, or consent to it.",
        "アプリケーションの許可 Mail.Send（Office 365 Exchange Online）、または管理者の同意がありません。",
    ),
    "scp": Text(
        "The permission to send is not among the scopes that were granted.",
        "付与されたスコープに送信の許可がありません。",
    ),
    "oid": Text(
        "Not on the account's list of allowed apps: `Add-HVEAppAccess -Identity ADDRESS -AppIds OBJECT-ID` with this value; in Kairan `kairan app set NAME --allow ADDRESS`.",
        "アカウントの「許可されたアプリ」にありません。この値で `Add-HVEAppAccess -Identity ADDRESS -AppIds OBJECT-ID` を実行してください。Kairan では `kairan app set NAME --allow ADDRESS`。",
    ),
    "upn": Text(
        "Another user signed in than the account that is to send.",
        "送信に使うアカウントとは別のユーザーがサインインしています。",
    ),
}
# One rule, several names for what it looks at.
_SAME_RULE = {"scope": "scp", "sub": "oid", "preferred_username": "upn", "unique_name": "upn"}

_MISSING = Text("Missing.", "ありません。")
_NO_RULE = Text("Nothing depends on it.", "判定には使われません。")
_CLIENT_ID = Text(
    "The application's client ID. The list of allowed apps wants the object ID, not this.",
    "アプリケーションのクライアント ID です。「許可されたアプリ」に必要なのはこれではなくオブジェクト ID です。",
)
_CLIENT_NOT_ALLOWED = Text(
    "The account has a list of allowed apps and this client is not on it, or it is disabled or removed here: `kairan account set ADDRESS --allow-app CLIENT-ID`.",
    "アカウントに「許可されたアプリ」の一覧があり、このクライアントは登録されていません（または無効化・削除されています）: `kairan account set ADDRESS --allow-app CLIENT-ID`",
)
_CLIENT_ID_ON_LIST = Text(
    "This client ID stands on the account's list of allowed apps, where the object ID (oid) belongs.",
    "「許可されたアプリ」にこのクライアント ID が登録されていますが、必要なのはオブジェクト ID（oid）です。",
)
_LIST_NOT_KNOWN = Text(
    "This object ID must be on the account's list of allowed apps: `Get-HVEAccountSettings -Identity ADDRESS`; with -c FILE and --user it is looked up.",
    "このオブジェクト ID がアカウントの「許可されたアプリ」に必要です: `Get-HVEAccountSettings -Identity ADDRESS`。-c FILE と --user を指定すると照合します。",
)
_USER_NOT_KNOWN = Text(
    "It must be the account that sends; name that with --user.",
    "送信に使うアカウントと一致する必要があります。--user で指定してください。",
)
_VERSION = Text(
    "1.0 and 2.0 differ in the shape of iss and in appid/azp; both are accepted.",
    "1.0 と 2.0 では iss の形式と appid/azp が異なりますが、どちらも使えます。",
)


def judge_claims(
    claims: Mapping[str, Any], context: ClaimContext, *, list_known: bool
) -> Iterator[ClaimRow]:
    """A row for each claim that is there, and for each that is missing and needed."""
    ruled = {"aud", *_TIMES, *(["tid"] if context.issuer.settings.tenant else [])}
    for claim in ("aud", "tid", *_TIMES):
        if claim in ruled and (claim in claims or claim in {"aud", "exp", "tid"}):
            yield _row(claim, claims, _refusal(claims, context, {claim}))
    yield from _permission_rows(claims, context)
    yield from _who_rows(claims, context, list_known=list_known)
    for claim in sorted(set(claims) - ruled - _JUDGED):
        why = _VERSION if claim == "ver" else _NO_RULE
        yield ClaimRow(printable(claim), _value(claim, claims), ClaimVerdict.NOTE, why)


def answer_of(claims: Mapping[str, Any], context: ClaimContext) -> Outcome | None:
    """The refusal that the service would send for a genuine token of these claims."""
    return _decided(claims, context, context.account or _fitting_account(claims, context))


_JUDGED = frozenset({"iss", *_PERMISSIONS, *_WHO})


def _permission_rows(claims: Mapping[str, Any], context: ClaimContext) -> Iterator[ClaimRow]:
    deciding = "roles" if is_app_only(claims) else "scope" if "scope" in claims else "scp"
    if deciding == "scope" and "scp" in claims:
        deciding = "scp"
    yield _row(deciding, claims, _refusal(claims, context, set(_PERMISSIONS)))
    for claim in _PERMISSIONS:
        if claim in claims and claim != deciding:
            yield ClaimRow(claim, _value(claim, claims), ClaimVerdict.NOTE, _NO_RULE)


def _who_rows(
    claims: Mapping[str, Any], context: ClaimContext, *, list_known: bool
) -> Iterator[ClaimRow]:
    app_only = is_app_only(claims)
    named = context
    if not app_only and context.account is not None:  # which client it was is said beside its name
        account = replace(context.account, allowed_apps=frozenset())
        named = replace(context, account=account, issuer=replace(context.issuer, is_own=False))
    user_claim = account_claim_of(context.issuer.settings) or "upn"
    deciding = _app_claim(claims) if app_only else user_claim
    refusal = _refusal(claims, named, set())
    row = _row(
        deciding, claims, refusal, rule=_SAME_RULE.get(deciding, "oid" if app_only else "upn")
    )
    if refusal is None and app_only and not list_known:
        row = replace(row, verdict=ClaimVerdict.UNCLEAR, why=_LIST_NOT_KNOWN)
    elif refusal is None and context.account is None:
        row = replace(row, verdict=ClaimVerdict.UNCLEAR, why=_USER_NOT_KNOWN)
    yield row
    for claim in _WHO:
        if claim in claims and claim != deciding:
            yield _other_name(claim, claims, context)


def _app_claim(claims: Mapping[str, Any]) -> str:
    return "oid" if "oid" in claims or "sub" not in claims else "sub"


def _other_name(claim: str, claims: Mapping[str, Any], context: ClaimContext) -> ClaimRow:
    value = _value(claim, claims)
    if claim in {"appid", "azp"}:
        allowed = context.account.allowed_apps if context.account else ()
        if not is_app_only(claims):
            return _client_row(claim, claims, context)
        if str(claims[claim]).lower() in {one.lower() for one in allowed}:
            return ClaimRow(
                claim, value, ClaimVerdict.BAD, _CLIENT_ID_ON_LIST, "oauth-unsuccessful"
            )
        return ClaimRow(claim, value, ClaimVerdict.NOTE, _CLIENT_ID)
    return ClaimRow(claim, value, ClaimVerdict.NOTE, _NO_RULE)


def _client_row(claim: str, claims: Mapping[str, Any], context: ClaimContext) -> ClaimRow:
    """Of a user who signed in: it is judged where the account has a list, or the app is ours."""
    refusal = None
    if context.account is not None and (context.account.allowed_apps or context.issuer.is_own):
        refusal = _refusal(claims, context, set())
    if refusal is None:
        return ClaimRow(claim, _value(claim, claims), ClaimVerdict.NOTE, _CLIENT_ID)
    return ClaimRow(
        claim, _value(claim, claims), ClaimVerdict.BAD, _CLIENT_NOT_ALLOWED, refusal.key
    )


def _row(
    claim: str, claims: Mapping[str, Any], refusal: Outcome | None, *, rule: str = ""
) -> ClaimRow:
    rule = rule or _SAME_RULE.get(claim, claim)
    if refusal is None:
        return ClaimRow(claim, _value(claim, claims), ClaimVerdict.GOOD, _GOOD[rule])
    why = _BAD[rule] if claim in claims else _missing(rule)
    return ClaimRow(claim, _value(claim, claims), ClaimVerdict.BAD, why, refusal.key)


def _missing(rule: str) -> Text:
    return Text(f"{_MISSING.en} {_BAD[rule].en}", f"{_MISSING.ja}{_BAD[rule].ja}")


def _refusal(claims: Mapping[str, Any], context: ClaimContext, kept: set[str]) -> Outcome | None:
    """What the rule says when all but `kept` is as it should be; nothing kept: who it is."""
    wanted = {name: value for name, value in _in_order(context, claims).items() if name not in kept}
    asked = {name: value for name, value in claims.items() if name in kept or name not in wanted}
    given = {**asked, **{name: value for name, value in wanted.items() if value is not None}}
    fitting = _fitting_account(given, context)
    return _decided(given, context, fitting if kept else context.account or fitting)


def _decided(claims: Mapping[str, Any], context: ClaimContext, account: Account) -> Outcome | None:
    decided = judge_token(claims, replace(context, account=account))
    return decided.outcome if isinstance(decided, Refuse) else None


def _in_order(context: ClaimContext, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Good values of what is judged; None: better absent."""
    permission = next(iter(context.settings.permissions), "")
    granted = {"roles": [permission]} if is_app_only(claims) else {"scp": permission}
    return {
        "aud": next(iter(context.issuer.settings.audiences), ""),
        "tid": context.issuer.settings.tenant or None,
        "exp": context.now + _FRESH_SECONDS,
        "nbf": context.now,
        "iat": context.now,
        **granted,
    }


def object_ids(claims: Mapping[str, Any]) -> frozenset[str]:
    """What a list of allowed apps would have to hold for this token; one of a user who signed in
    needs none.
    """
    if not is_app_only(claims):
        return frozenset()
    names = (claims.get("oid"), claims.get("sub"))
    return frozenset(name.lower() for name in names if isinstance(name, str))


def _fitting_account(claims: Mapping[str, Any], context: ClaimContext) -> Account:
    apps = object_ids(claims)
    address = user_of(claims, context.issuer.settings) or "anyone@invalid"
    known = context.account
    return Account(
        0, known.address if known else address, "", aliases=frozenset({address}), allowed_apps=apps
    )


def app_name(claims: Mapping[str, Any]) -> str:
    return printable(app_of(claims))


def _value(claim: str, claims: Mapping[str, Any]) -> str:
    if claim not in claims:
        return ""
    value = claims[claim]
    if claim in _TIMES and isinstance(value, int | float) and 0 <= value < 1e11:
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    listed = isinstance(value, list)
    return printable(" ".join(map(str, value)) if listed else str(value))


def printable(text: str) -> str:
    """A token is a stranger's text: nothing in it may move a terminal's cursor."""
    safe = _UNPRINTABLE.sub("?", text[: _VALUE_CHARACTERS_MAX + 1])
    return safe if len(safe) <= _VALUE_CHARACTERS_MAX else f"{safe[:_VALUE_CHARACTERS_MAX]}…"
