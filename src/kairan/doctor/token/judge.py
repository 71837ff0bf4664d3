"""What is in a token, whether the service would take it, and which code it would answer.

The token itself and its signature are never part of what is given back: a reader of the report
must not be able to use the token.
"""

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kairan.auth.tokens.claims import Claimed, read_token
from kairan.auth.tokens.judge import ClaimContext, JudgedIssuer
from kairan.auth.tokens.settings import IssuerSettings, Profile, TokenSettings
from kairan.directory.model import Account, Trust
from kairan.doctor.answer import Verdict
from kairan.doctor.token.claims import (
    ClaimRow,
    ClaimVerdict,
    answer_of,
    judge_claims,
    object_ids,
    printable,
)
from kairan.doctor.token.input import InputKind, TokenInput
from kairan.doctor.token.remedies import is_id_token, remedies_for
from kairan.doctor.token.verify import NOT_CHECKED, Signature, issuer_of
from kairan.mail.role import Role
from kairan.outcomes.catalogue import OAUTH_UNSUCCESSFUL
from kairan.outcomes.outcome import Outcome, Text

_HEADERS = ("alg", "kid", "typ")


@dataclass(frozen=True, slots=True)
class TokenUser:
    """Which account logs in with it, and at a listener of which role."""

    account: Account | None = None
    is_known: bool = False  # read from the directory, its list of allowed apps with it
    role: Role = Role.HVE


@dataclass(frozen=True, slots=True)
class OwnIssuer:
    """The service's own issuer and its apps, where configuration and directory are known."""

    name: str = ""
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, slots=True)
class TokenContext:
    """What the token is judged with.  `verify` None: no keys are at hand."""

    now: float
    issuers: Sequence[IssuerSettings] = ()
    settings: TokenSettings = field(default_factory=TokenSettings)
    user: TokenUser = field(default_factory=TokenUser)
    own: OwnIssuer = field(default_factory=OwnIssuer)
    verify: Callable[[IssuerSettings, Claimed, str], Awaitable[Signature]] | None = None


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
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
    answers: tuple[ProfileAnswer, ...] = ()
    of_id_token: bool = False

    @property
    def remedies(self) -> tuple[Text, ...]:
        """By what is wrong with it; else the refusal's own."""
        rows = (*self.header, *self.claims)
        found = tuple(remedies_for(rows, of_id_token=self.of_id_token))
        refusal = next((answer.outcome for answer in self.answers if answer.outcome), None)
        return found or (refusal.remedies if refusal else ())

    @property
    def verdict(self) -> Verdict:
        if self.given.kind in {InputKind.OPAQUE, InputKind.ENCRYPTED, InputKind.EMPTY}:
            return Verdict.UNCLEAR
        if any(answer.outcome for answer in self.answers) or not self.answers:
            return Verdict.PROBLEM
        bad = any(row.verdict is ClaimVerdict.BAD for row in (*self.header, *self.claims))
        if bad:
            return Verdict.PROBLEM
        # Asked for, and not had: it must not be taken for genuine.
        unproved = self.signature is not None and self.signature.outcome
        return Verdict.UNCLEAR if unproved else Verdict.HEALTHY


_NOTES: Mapping[InputKind, Text] = {
    InputKind.EMPTY: Text(
        "There is no token: look at what the token endpoint answered.",
        "トークンがありません。トークン エンドポイントの応答を確認してください。",
    ),
    InputKind.OPAQUE: Text(
        "This is no JWT but an opaque token, perhaps a refresh token or an authorisation code: only its issuer can read it. The service wants the access token.",
        "JWT ではなく不透明なトークン（更新トークンや認可コードなど）で、発行者にしか読めません。サービスに必要なのはアクセス トークンです。",
    ),
    InputKind.ENCRYPTED: Text(
        "This token is encrypted (JWE): only the service it is for can read it.",
        "暗号化されたトークン（JWE）です。宛先のサービスにしか読めません。",
    ),
    InputKind.ENDPOINT_ERROR: Text(
        "This is the token endpoint's refusal, not a token.",
        "これはトークンではなく、トークン エンドポイントのエラー応答です。",
    ),
    InputKind.MALFORMED: Text(
        "The line is refused before the token is looked at.",
        "トークンの確認より前に、形式の誤りで拒否されます。",
    ),
    InputKind.JWT: Text("A signed access token (JWT).", "署名付きアクセス トークン（JWT）です。"),
}
_ID_TOKEN = Text(
    "A signed ID token: it says who signed in, and is no access token.",
    "署名付きの ID トークンです。サインインした人を示すもので、アクセス トークンではありません。",
)
# Opaque ones are known by how they begin (Entra, and Microsoft's personal accounts).
_OPAQUE_BY_START: tuple[tuple[re.Pattern[str], Text], ...] = (
    (
        re.compile(r"[01]\.A[\w-]"),
        Text(
            "This is a refresh token or an authorisation code of Entra: only its token endpoint takes it. Exchange it there for an access token.",
            "Entra の更新トークンまたは認可コードです。トークン エンドポイントだけが受け付けます。そこでアクセス トークンと交換してください。",
        ),
    ),
    (
        re.compile(r"M\.[CR]\d"),
        Text(
            "This is a refresh token or an authorisation code of a personal Microsoft account: exchange it at the token endpoint. Personal accounts cannot use High Volume Email.",
            "個人用 Microsoft アカウントの更新トークンまたは認可コードです。トークン エンドポイントで交換してください。個人用アカウントでは HVE を利用できません。",
        ),
    ),
    (
        re.compile(r"Ew[A-Z][\w+/]"),
        Text(
            "This is an access token of a personal Microsoft account, which nobody but Microsoft can read. It opens Outlook.com, not High Volume Email.",
            "個人用 Microsoft アカウントのアクセス トークンで、Microsoft にしか読めません。Outlook.com 用であり、HVE では使えません。",
        ),
    ),
)
_UNREADABLE = Text(
    "It looks like a JWT, but cannot be read as one: it was cut, or changed on the way.",
    "JWT に見えますが読み取れません。途中で切れたか、変更されています。",
)


async def wait_report(given: TokenInput, context: TokenContext) -> TokenReport:
    note = _NOTES[given.kind]
    if given.kind is InputKind.MALFORMED:
        return TokenReport(given, note, answers=_same_answer(given.outcome))
    if given.kind is not InputKind.JWT:
        return TokenReport(given, _opaque_note(given.token) or note)
    return await _wait_jwt_report(given, context)


def _opaque_note(token: str) -> Text | None:
    return next((note for start, note in _OPAQUE_BY_START if start.match(token)), None)


async def _wait_jwt_report(given: TokenInput, context: TokenContext) -> TokenReport:
    header, claims = (_shown(part) for part in given.token.split(".")[:2])
    if header is None or claims is None:
        return TokenReport(given, _UNREADABLE, answers=_same_answer(OAUTH_UNSUCCESSFUL))
    claimed = read_token(given.token)
    name = claims.get("iss")
    issuer, iss_row = issuer_of(name if isinstance(name, str) else "", context.issuers)
    account = context.user.account
    if account and not context.user.is_known:
        account = replace(account, allowed_apps=object_ids(claims))
    is_own = bool(context.own.name) and issuer.issuer == context.own.name
    judged_by = ClaimContext(
        JudgedIssuer(issuer, context.own.trust, is_own),
        context.settings,
        account,
        context.user.role,
        context.now,
    )
    rows = (iss_row, *judge_claims(claims, judged_by, list_known=context.user.is_known))
    signature = NOT_CHECKED
    if not isinstance(claimed, str) and context.verify and iss_row.verdict is not ClaimVerdict.BAD:
        signature = await context.verify(issuer, claimed, given.token)
    untrusted = isinstance(claimed, str) or ClaimVerdict.BAD in {iss_row.verdict, signature.verdict}
    answers = _same_answer(OAUTH_UNSUCCESSFUL) if untrusted else _answers(claims, judged_by)
    headers = _header_rows(header, claimed)
    of_id_token = is_id_token(claims)
    note = _ID_TOKEN if of_id_token else _NOTES[InputKind.JWT]
    return TokenReport(given, note, headers, rows, signature, answers, of_id_token)


def _answers(claims: Mapping[str, Any], judged_by: ClaimContext) -> tuple[ProfileAnswer, ...]:
    by_profile = (
        (profile, replace(judged_by, settings=replace(judged_by.settings, profile=profile)))
        for profile in Profile
    )
    return tuple(
        ProfileAnswer(profile.value, answer_of(claims, one)) for profile, one in by_profile
    )


def _same_answer(outcome: Outcome | None) -> tuple[ProfileAnswer, ...]:
    return tuple(ProfileAnswer(profile.value, outcome) for profile in Profile)


def _header_rows(header: Mapping[str, Any], claimed: Claimed | str) -> tuple[ClaimRow, ...]:
    """`claimed` is the service's own reading: a sentence where it does not take the token."""
    rows = []
    for name in _HEADERS:
        value = printable(str(header.get(name, "")))
        if name == "alg":
            rows.append(_alg_row(value, claimed))
        elif name in header:
            rows.append(ClaimRow(name, value, ClaimVerdict.NOTE, _NAMED))
    return tuple(rows)


_NAMED = Text("Names the key, or the kind.", "鍵または種類を示します。")
_ALG_GOOD = Text("An algorithm that is accepted.", "受け付けられるアルゴリズムです。")
_ALG_NONE = Text(
    "Unsigned: anybody could have written it.", "署名がありません。誰でも作成できます。"
)


def _alg_row(value: str, claimed: Claimed | str) -> ClaimRow:
    if not isinstance(claimed, str):
        return ClaimRow("alg", value, ClaimVerdict.GOOD, _ALG_GOOD)
    if value.lower() == "none":
        why = _ALG_NONE
    else:
        why = Text(
            f"The service does not read it: {claimed}.", f"サービスは読み取りません: {claimed}"
        )
    return ClaimRow("alg", value, ClaimVerdict.BAD, why, OAUTH_UNSUCCESSFUL.key)


def _shown(part: str) -> dict[str, Any] | None:
    """Leniently, for the table: what a forged token says is worth seeing, too."""
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = json.loads(octets)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
