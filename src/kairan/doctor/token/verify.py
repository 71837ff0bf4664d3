"""Whose token it says it is, and whether that issuer's keys prove it."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kairan.auth.tokens.claims import Claimed
from kairan.auth.tokens.jwks import has_signed, read_jwks
from kairan.auth.tokens.keys import Fetch, Keys
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.doctor.token.claims import ClaimRow, ClaimVerdict, printable
from kairan.outcomes.outcome import Text

_TENANT = r"(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# Both shapes of Entra's name, in its national clouds, too.
_ENTRA_V1 = re.compile(rf"https://sts\.(?:windows\.net|chinacloudapi\.cn)/{_TENANT}/")
_ENTRA_V2 = re.compile(
    rf"https://login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)/{_TENANT}/v2\.0"
)


@dataclass(frozen=True, slots=True)
class Signature:
    verdict: ClaimVerdict
    why: Text
    outcome: str = ""


NOT_CHECKED = Signature(
    ClaimVerdict.UNCLEAR,
    Text(
        "Not checked: name the issuer's keys by --issuer, --jwks or -c.",
        "未検証です。--issuer、--jwks、-c のいずれかで発行者の鍵を指定してください。",
    ),
)
_RIGHT = Signature(
    ClaimVerdict.GOOD, Text("Made with the issuer's key.", "発行者の鍵による正しい署名です。")
)
_WRONG = Signature(
    ClaimVerdict.BAD,
    Text(
        "Wrong: the token was changed, or is not this issuer's.",
        "署名が不正です。改変されたか、この発行者のものではありません。",
    ),
    "oauth-unsuccessful",
)
_NO_SUCH_KEY = Signature(
    ClaimVerdict.BAD,
    Text(
        "The issuer has no key of that kid and algorithm.",
        "その kid とアルゴリズムの鍵を発行者は持っていません。",
    ),
    "oauth-unsuccessful",
)
_NO_KEYS = Signature(
    ClaimVerdict.UNCLEAR,
    Text(
        "The issuer's keys could not be had: a wrong URL, or it does not answer.",
        "発行者の鍵を取得できませんでした。URL の誤り、または応答がありません。",
    ),
    "token-issuer-unreachable",
)


def issuer_of(
    claimed: str, configured: Sequence[IssuerSettings]
) -> tuple[IssuerSettings, ClaimRow]:
    """The settings to judge by.  Without any configured, Entra's are known by their shape."""
    known = next((one for one in configured if one.issuer == claimed), None)
    if known:
        return known, _row(claimed, ClaimVerdict.GOOD, _CONFIGURED)
    if configured:
        names = ", ".join(printable(one.issuer) for one in configured)
        why = Text(f"Not believed; believed is {names}.", f"信頼されていません。信頼対象: {names}")
        return configured[0], _row(claimed, ClaimVerdict.BAD, why, "oauth-unsuccessful")
    for shape, why in ((_ENTRA_V1, _VERSION_1), (_ENTRA_V2, _VERSION_2)):
        entra = shape.fullmatch(claimed)
        if entra:
            settings = IssuerSettings(claimed, tenant=entra["tenant"])
            return settings, _row(claimed, ClaimVerdict.GOOD, why)
    assumed = IssuerSettings(claimed, account_claim="upn")
    return assumed, _row(claimed, ClaimVerdict.UNCLEAR, _NOT_ENTRA)


_CONFIGURED = Text("An issuer that is believed.", "信頼された発行者です。")
_VERSION_1 = Text("Entra, version 1 of tokens.", "Entra（バージョン 1 のトークン）です。")
_VERSION_2 = Text("Entra, version 2 of tokens.", "Entra（バージョン 2 のトークン）です。")
_NOT_ENTRA = Text(
    "Not Entra: High Volume Email refuses it; Kairan believes it if it is configured.",
    "Entra ではないため HVE では拒否されます。Kairan では設定すれば信頼されます。",
)


def _row(claimed: str, verdict: ClaimVerdict, why: Text, outcome: str = "") -> ClaimRow:
    return ClaimRow("iss", printable(claimed), verdict, why, outcome)


def verify_with(document: bytes, claimed: Claimed, token: str) -> Signature:
    """By a key set that is at hand (RFC 7517)."""
    keys = read_jwks(document)
    if not keys:
        return _NO_KEYS
    fitting = [one for one in keys if one.algorithm == claimed.algorithm]
    fitting = [one for one in fitting if not claimed.kid or one.kid == claimed.kid]
    if not fitting:
        return _NO_SUCH_KEY
    return _RIGHT if has_signed(fitting, token) else _WRONG


async def wait_verified(
    issuer: IssuerSettings, claimed: Claimed, token: str, settings: TokenSettings, fetch: Fetch
) -> Signature:
    """By the keys that the issuer publishes; it is asked once."""
    keys = Keys((issuer,), settings, fetch=fetch, clock=time.monotonic)
    ring = keys.of(issuer.issuer)
    assert ring is not None, "it was just given"
    await ring.wait_asked()
    if ring.is_empty:
        return _NO_KEYS
    fitting = ring.find(claimed.kid, claimed.algorithm)
    if not fitting:
        return _NO_SUCH_KEY
    return _RIGHT if has_signed(fitting, token) else _WRONG


def with_audiences(issuer: IssuerSettings, audiences: Sequence[str]) -> IssuerSettings:
    return replace(issuer, audiences=tuple(audiences)) if audiences else issuer
