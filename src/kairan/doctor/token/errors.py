"""What a token endpoint means when it answers with `error`: RFC 6749 section 5.2, RFC 8628, and Entra's
AADSTS numbers, which say more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kairan.outcomes.entra import (
    CHECK_CLIENT,
    CHECK_SCOPE,
    CHECK_SECRET,
    CONSENT,
    SIGN_IN_BLOCKED,
    Row,
    is_known,
    refusals_in,
)
from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class EndpointError:
    error: str  # the standard's word
    number: str  # AADSTS…; empty: none was there
    meaning: Text
    remedy: Text


_BY_ERROR: Mapping[str, Row] = {
    "invalid_client": CHECK_SECRET,
    "invalid_scope": CHECK_SCOPE,
    "unauthorized_client": CHECK_CLIENT,
    "consent_required": CONSENT,
    "interaction_required": SIGN_IN_BLOCKED,
    "invalid_grant": (
        Text(
            "The refresh token, code or password is no longer good.",
            "更新トークン、コード、またはパスワードが無効になっています。",
        ),
        Text("Sign in anew.", "サインインし直してください。"),
    ),
    "invalid_request": (
        Text(
            "A parameter of the request is missing or malformed.",
            "要求のパラメーターが不足、または不正です。",
        ),
        Text(
            "Send grant_type, client_id, client_secret and scope as a form (application/x-www-form-urlencoded).",
            "grant_type、client_id、client_secret、scope をフォーム形式（application/x-www-form-urlencoded）で送ってください。",
        ),
    ),
    "unsupported_grant_type": (
        Text("This kind of grant is not offered.", "この許可の種類には対応していません。"),
        Text(
            "Use client_credentials, or the device code's grant.",
            "client_credentials またはデバイス コードを使ってください。",
        ),
    ),
    "authorization_pending": (
        Text(
            "The device code has not been approved yet.",
            "デバイス コードがまだ承認されていません。",
        ),
        Text(
            "Approve it in the browser; the client asks again by itself.",
            "ブラウザーで承認してください。クライアントは自動で再確認します。",
        ),
    ),
    "slow_down": (
        Text("The client asks too often.", "クライアントの問い合わせが頻繁すぎます。"),
        Text(
            "Wait 5 seconds longer between two questions.",
            "問い合わせの間隔を 5 秒延ばしてください。",
        ),
    ),
    "expired_token": (
        Text("The device code has expired.", "デバイス コードの有効期限が切れました。"),
        Text("Start the sign-in anew.", "サインインを最初からやり直してください。"),
    ),
    "access_denied": (
        Text("The sign-in was declined.", "サインイン時に拒否されました。"),
        Text("Sign in anew as the HVE account.", "HVE アカウントでサインインし直してください。"),
    ),
}
_OTHER: Row = (
    Text("The issuer gave no token.", "発行者がトークンを発行しませんでした。"),
    Text(
        "Look the error up in the issuer's own documentation and its sign-in log.",
        "発行者のドキュメントとサインイン ログでエラーを確認してください。",
    ),
)


def endpoint_error(error: str, description: str) -> EndpointError:
    entra = next(refusals_in(description), None)
    number = f"AADSTS{entra.number}" if entra else ""
    if entra and (is_known(entra.number) or error not in _BY_ERROR):
        return EndpointError(error, number, entra.meaning, entra.remedy)
    meaning, remedy = _BY_ERROR.get(error, _OTHER)
    return EndpointError(error, number, meaning, remedy)
