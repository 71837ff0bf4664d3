"""What to do about a token, by what is wrong with it: the kind of token, then each claim that failed.

The code that the service answers is too coarse for advice: one stands for a wrong audience, a wrong
tenant and an application that is not allowed, and only the last is cured by allowing it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kairan.doctor.token.claims import ClaimRow, ClaimVerdict
from kairan.outcomes.outcome import Text
from kairan.outcomes.remedies import ALLOW_APP, ASK_FOR_EXCHANGE, GRANT_MAIL_SEND, NEW_TOKEN

_SYNCHRONISE = Text(
    "Synchronise the clocks of the machine that gets the token and of the server (NTP).",
    "トークンを取得する機器とサーバーの時刻を同期してください（NTP）。",
)
_RIGHT_TENANT = Text(
    "Ask the token endpoint of the tenant that has the account: https://login.microsoftonline.com/TENANT-ID/oauth2/v2.0/token.",
    "アカウントのあるテナントのトークン エンドポイントに要求してください: https://login.microsoftonline.com/TENANT-ID/oauth2/v2.0/token",
)
_RIGHT_ISSUER = Text(
    "Get the token from an issuer that the server believes: Entra for Microsoft 365; in Kairan those in [[auth.issuers]].",
    "サーバーが信頼する発行者からトークンを取得してください（Microsoft 365 では Entra、Kairan では [[auth.issuers]] の発行者）。",
)
_DELEGATED_SCOPE = Text(
    "Let the user sign in with the delegated permission SMTP.Send (https://outlook.office.com/SMTP.Send), consented to, and get a new token.",
    "委任されたアクセス許可 SMTP.Send（https://outlook.office.com/SMTP.Send）に同意した上でサインインし直し、新しいトークンを取得してください。",
)
_SIGN_IN_AS_SENDER = Text(
    "Sign in as the account that sends, or name the signed-in account as the user of the XOAUTH2 line.",
    "送信に使うアカウントでサインインするか、サインインしたアカウントを XOAUTH2 の行のユーザーに指定してください。",
)
_ACCESS_TOKEN = Text(
    "This looks like an ID token: it tells an application who signed in, and opens nothing. Send `access_token` of the endpoint's answer, not `id_token`.",
    "これは ID トークンと思われます。誰がサインインしたかをアプリケーションに伝えるもので、アクセスには使えません。エンドポイントの応答の `id_token` ではなく `access_token` を送信してください。",
)
_SIGNED = Text(
    "Get a token that is signed with a key of the issuer (RS256 or ES256, as Entra and Kairan do).",
    "発行者の鍵で署名されたトークン（RS256 または ES256）を取得してください。",
)

_BY_CLAIM: Mapping[str, Text] = {
    "alg": _SIGNED,
    "iss": _RIGHT_ISSUER,
    "aud": ASK_FOR_EXCHANGE,
    "tid": _RIGHT_TENANT,
    "exp": NEW_TOKEN,
    "nbf": _SYNCHRONISE,
    "iat": _SYNCHRONISE,
    "roles": GRANT_MAIL_SEND,
    "scp": _DELEGATED_SCOPE,
    "scope": _DELEGATED_SCOPE,
    "oid": ALLOW_APP,
    "sub": ALLOW_APP,
    "appid": ALLOW_APP,
    "azp": ALLOW_APP,
    "upn": _SIGN_IN_AS_SENDER,
    "preferred_username": _SIGN_IN_AS_SENDER,
    "unique_name": _SIGN_IN_AS_SENDER,
}

# National clouds have Exchange at names of their own; a token for one is of no use in another.
_NATIONAL = re.compile(
    r"https://(?:outlook(?:-dod)?\.office365\.us|webmail\.apps\.mil|partner\.outlook\.cn|outlook\.office\.de"
    r"|(?:dod-)?graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)(?:/|$)",
    re.IGNORECASE,
)
_OTHER_CLOUD = Text(
    "The audience is that of a national cloud: ask the login host of the cloud that has the account, for its Exchange.",
    "対象サービス（aud）がナショナル クラウドのものです。アカウントのあるクラウドのサインイン ホストに、その Exchange 向けのトークンを要求してください。",
)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RIGHTS = frozenset({"scp", "scope", "roles", "appid", "azp"})
_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})  # OpenID Connect Core, section 2


def is_id_token(claims: Mapping[str, Any]) -> bool:
    """It names the application that asked as its audience, and grants nothing."""
    if claims.keys() & _RIGHTS:
        return False
    names_application = bool(_ID.fullmatch(str(claims.get("aud", ""))))
    return names_application or bool(claims.keys() & _OF_ID_TOKENS)


def remedies_for(rows: Iterable[ClaimRow], *, of_id_token: bool) -> Iterator[Text]:
    """Nothing where no claim failed: then the refusal's own remedies are what there is."""
    if of_id_token:
        yield _ACCESS_TOKEN
        return
    seen: set[Text] = set()
    for row in rows:
        if row.verdict is not ClaimVerdict.BAD or row.claim not in _BY_CLAIM:
            continue
        is_national = row.claim == "aud" and _NATIONAL.match(row.value)
        remedy = _OTHER_CLOUD if is_national else _BY_CLAIM[row.claim]
        if remedy not in seen:
            seen.add(remedy)
            yield remedy
