"""What is in a token, whether the service would take it, and which code it would answer.

The token itself and its signature are never part of what is given back: whoever reads the report
must not be able to use the token.
"""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kairan.auth.tokens.claims import Claimed, read_token
from kairan.auth.tokens.settings import IssuerSettings, Profile, TokenSettings
from kairan.directory.model import Account, Trust
from kairan.doctor.explain.explain import Verdict
from kairan.doctor.token.claims import (
    ClaimRow,
    Court,
    Judged,
    answer_of,
    judge_claims,
    object_ids,
    printable,
)
from kairan.doctor.token.input import Kind, TokenInput
from kairan.doctor.token.verify import NOT_CHECKED, Signature, issuer_of
from kairan.outcomes.catalogue import OAUTH_UNSUCCESSFUL
from kairan.outcomes.outcome import Outcome, Text

_HEADERS = ("alg", "kid", "typ")


@dataclass(frozen=True, slots=True)
class Bench:
    """What the token is judged with.  `verify` None: no keys are at hand."""

    now: float
    issuers: Sequence[IssuerSettings] = ()
    settings: TokenSettings = field(default_factory=TokenSettings)
    account: Account | None = None
    account_known: bool = False  # read from the directory, its list of allowed apps with it
    role: str = "hve"
    trust: Trust = field(default_factory=Trust)  # the registered apps, where the directory is known
    own_issuer: str = ""  # the service's own, where its configuration is known
    verify: Callable[[IssuerSettings, Claimed, str], Awaitable[Signature]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says in one edition; no outcome: it lets the token in."""

    profile: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class TokenReport:
    given: TokenInput
    note: Text  # one sentence on what it is
    header: tuple[ClaimRow, ...] = ()
    claims: tuple[ClaimRow, ...] = ()
    signature: Signature | None = None
    answers: tuple[Answer, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if self.given.kind in {Kind.OPAQUE, Kind.ENCRYPTED, Kind.EMPTY}:
            return Verdict.UNCLEAR
        if any(answer.outcome for answer in self.answers) or not self.answers:
            return Verdict.PROBLEM
        bad = any(row.verdict is Judged.BAD for row in (*self.header, *self.claims))
        if bad:
            return Verdict.PROBLEM
        # Asked for, and not had: nobody may take it for genuine.
        unproved = self.signature is not None and self.signature.outcome
        return Verdict.UNCLEAR if unproved else Verdict.HEALTHY


_NOTES: Mapping[Kind, Text] = {
    Kind.EMPTY: Text(
        "There is no token: look at what the token endpoint answered.",
        "トークンがありません。トークン エンドポイントの応答を確認してください。",
    ),
    Kind.OPAQUE: Text(
        "This is no JWT but an opaque token, perhaps a refresh token or an authorisation code: only its issuer can read it. The service wants the access token.",
        "JWT ではなく不透明なトークン（更新トークンや認可コードなど）で、発行者にしか読めません。サービスに必要なのはアクセス トークンです。",
    ),
    Kind.ENCRYPTED: Text(
        "This token is encrypted (JWE): only the service it is for can read it.",
        "暗号化されたトークン（JWE）です。宛先のサービスにしか読めません。",
    ),
    Kind.ENDPOINT_ERROR: Text(
        "This is the token endpoint's refusal, not a token.",
        "これはトークンではなく、トークン エンドポイントのエラー応答です。",
    ),
    Kind.MALFORMED: Text(
        "The line is refused before anybody looks at a token.",
        "トークンの確認より前に、形式の誤りで拒否されます。",
    ),
    Kind.JWT: Text("A signed access token (JWT).", "署名付きアクセス トークン（JWT）です。"),
}
_UNREADABLE = Text(
    "It looks like a JWT, but cannot be read as one: it was cut, or changed on the way.",
    "JWT に見えますが読み取れません。途中で切れたか、変更されています。",
)


async def wait_report(given: TokenInput, bench: Bench) -> TokenReport:
    note = _NOTES[given.kind]
    if given.kind is Kind.MALFORMED:
        return TokenReport(given, note, answers=_same_answer(given.outcome))
    if given.kind is not Kind.JWT:
        return TokenReport(given, note)
    return await _wait_jwt_report(given, bench)


async def _wait_jwt_report(given: TokenInput, bench: Bench) -> TokenReport:
    header, claims = (_shown(part) for part in given.token.split(".")[:2])
    if header is None or claims is None:
        return TokenReport(given, _UNREADABLE, answers=_same_answer(OAUTH_UNSUCCESSFUL))
    claimed = read_token(given.token)
    name = claims.get("iss")
    issuer, iss_row = issuer_of(name if isinstance(name, str) else "", bench.issuers)
    account = bench.account
    if account and not bench.account_known:
        account = replace(account, allowed_apps=object_ids(claims))
    is_own = bool(bench.own_issuer) and issuer.issuer == bench.own_issuer
    court = Court(
        issuer, bench.settings, account, bench.role, bench.now, trust=bench.trust, is_own=is_own
    )
    rows = (iss_row, *judge_claims(claims, court, list_known=bench.account_known))
    signature = NOT_CHECKED
    if not isinstance(claimed, str) and bench.verify and iss_row.verdict is not Judged.BAD:
        signature = await bench.verify(issuer, claimed, given.token)
    untrusted = isinstance(claimed, str) or Judged.BAD in {iss_row.verdict, signature.verdict}
    answers = _same_answer(OAUTH_UNSUCCESSFUL) if untrusted else _answers(claims, court)
    headers = _header_rows(header, claimed)
    return TokenReport(given, _NOTES[Kind.JWT], headers, rows, signature, answers)


def _answers(claims: Mapping[str, Any], court: Court) -> tuple[Answer, ...]:
    by_profile = (
        (profile, replace(court, settings=replace(court.settings, profile=profile)))
        for profile in Profile
    )
    return tuple(Answer(profile.value, answer_of(claims, one)) for profile, one in by_profile)


def _same_answer(outcome: Outcome | None) -> tuple[Answer, ...]:
    return tuple(Answer(profile.value, outcome) for profile in Profile)


def _header_rows(header: Mapping[str, Any], claimed: Claimed | str) -> tuple[ClaimRow, ...]:
    """`claimed` is the service's own reading: a sentence where it does not take the token."""
    rows = []
    for name in _HEADERS:
        value = printable(str(header.get(name, "")))
        if name == "alg":
            rows.append(_alg_row(value, claimed))
        elif name in header:
            rows.append(ClaimRow(name, value, Judged.NOTE, _NAMED))
    return tuple(rows)


_NAMED = Text("Names the key, or the kind.", "鍵または種類を示します。")
_ALG_GOOD = Text("An algorithm that is accepted.", "受け付けられるアルゴリズムです。")
_ALG_NONE = Text(
    "Unsigned: anybody could have written it.", "署名がありません。誰でも作成できます。"
)


def _alg_row(value: str, claimed: Claimed | str) -> ClaimRow:
    if not isinstance(claimed, str):
        return ClaimRow("alg", value, Judged.GOOD, _ALG_GOOD)
    if value.lower() == "none":
        why = _ALG_NONE
    else:
        why = Text(
            f"The service does not read it: {claimed}.", f"サービスは読み取りません: {claimed}"
        )
    return ClaimRow("alg", value, Judged.BAD, why, OAUTH_UNSUCCESSFUL.key)


def _shown(part: str) -> dict[str, Any] | None:
    """Leniently, for the table: what a forged token says is worth seeing, too."""
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = json.loads(octets)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
