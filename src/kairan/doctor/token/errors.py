"""What a token endpoint means when it answers with `error`: RFC 6749 section 5.2, RFC 8628, and Entra's
AADSTS numbers, which say more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kairan.outcomes.outcome import Text

_AADSTS = re.compile(r"AADSTS(\d{4,8})")


@dataclass(frozen=True, slots=True)
class EndpointError:
    error: str  # the standard's word
    number: str  # AADSTS…; empty: none was there
    meaning: Text
    remedy: Text


_APP_PAGE = "Entra admin center > App registrations > the app"
_Row = tuple[Text, Text]

_CHECK_SECRET: _Row = (
    Text("The client secret is wrong.", "クライアント シークレットが誤っています。"),
    Text(
        f"{_APP_PAGE} > Certificates & secrets: copy the secret's value, not its ID; in Kairan: `kairan app secret NAME`.",
        "Entra 管理センター > [アプリの登録] > 対象アプリ > [証明書とシークレット] で、シークレット ID ではなく「値」を使ってください。Kairan では `kairan app secret NAME`",
    ),
)
_CHECK_SCOPE: _Row = (
    Text("The scope is not one that this issuer knows.", "スコープが認識されません。"),
    Text(
        "For an application ask for https://outlook.office365.com/.default and nothing else.",
        "アプリケーションの場合は https://outlook.office365.com/.default だけを要求してください。",
    ),
)
_CHECK_CLIENT: _Row = (
    Text(
        "The application is not known in this tenant.",
        "このテナントにアプリケーションが見つかりません。",
    ),
    Text(
        f"Compare client ID and tenant in the token URL with {_APP_PAGE} > Overview.",
        "クライアント ID とトークン URL のテナントを、Entra 管理センター > [アプリの登録] > 対象アプリ > [概要] と照合してください。",
    ),
)
_CONSENT: _Row = (
    Text("Consent is missing.", "同意が与えられていません。"),
    Text(
        f"{_APP_PAGE} > API permissions > Grant admin consent.",
        "Entra 管理センター > [アプリの登録] > 対象アプリ > [API のアクセス許可] で、管理者の同意を与えてください。",
    ),
)
_SIGN_IN_BLOCKED: _Row = (
    Text(
        "The sign-in asks for more: multi-factor authentication or a Conditional Access rule.",
        "多要素認証や条件付きアクセスなど、追加の条件が求められています。",
    ),
    Text(
        "Exclude the account from that rule, or use an application's own token (client credentials).",
        "対象アカウントをそのポリシーから除外するか、アプリケーション自身のトークン（クライアント資格情報）を使ってください。",
    ),
)

_BY_NUMBER: Mapping[str, _Row] = {
    "7000215": _CHECK_SECRET,
    "7000222": (
        Text(
            "The client secret has expired.", "クライアント シークレットの有効期限が切れています。"
        ),
        Text(
            f"{_APP_PAGE} > Certificates & secrets: make a new one, and note its end.",
            "Entra 管理センター > [アプリの登録] > 対象アプリ > [証明書とシークレット] で新しいシークレットを作成し、期限を控えてください。",
        ),
    ),
    "700016": _CHECK_CLIENT,
    "90002": (
        Text("The tenant does not exist.", "テナントが存在しません。"),
        Text(
            "Correct the tenant in the token URL: its ID or a domain of the organisation.",
            "トークン URL のテナント（ID または組織のドメイン）を修正してください。",
        ),
    ),
    "900023": (
        Text(
            "The tenant in the token URL is malformed.",
            "トークン URL のテナントの書式が誤っています。",
        ),
        Text("Use the tenant's ID.", "テナント ID を使ってください。"),
    ),
    "50034": (
        Text(
            "The account does not exist in this tenant.", "このテナントにアカウントが存在しません。"
        ),
        Text(
            "Sign in as the HVE account's address.",
            "HVE アカウントのアドレスでサインインしてください。",
        ),
    ),
    "50126": (
        Text("User name or password is wrong.", "ユーザー名またはパスワードが誤っています。"),
        Text(
            "Set a new password and sign in again.",
            "新しいパスワードを設定し、サインインし直してください。",
        ),
    ),
    "50076": _SIGN_IN_BLOCKED,
    "50079": _SIGN_IN_BLOCKED,
    "53003": _SIGN_IN_BLOCKED,
    "65001": _CONSENT,
    "70011": _CHECK_SCOPE,
    "1002012": _CHECK_SCOPE,
    "500011": (
        Text(
            "The resource in the scope is not known in this tenant.",
            "スコープのリソースがこのテナントに存在しません。",
        ),
        _CHECK_SCOPE[1],
    ),
    "7000218": (
        Text(
            "The request holds no client secret, and the application is not a public client.",
            "要求にクライアント シークレットがなく、アプリもパブリック クライアントではありません。",
        ),
        Text(
            f"Send the secret, or for device code: {_APP_PAGE} > Authentication > Allow public client flows.",
            "シークレットを送るか、デバイス コードの場合は Entra 管理センター > [アプリの登録] > 対象アプリ > [認証] で [パブリック クライアント フローを許可する] を有効にしてください。",
        ),
    ),
}

_BY_ERROR: Mapping[str, _Row] = {
    "invalid_client": _CHECK_SECRET,
    "invalid_scope": _CHECK_SCOPE,
    "unauthorized_client": _CHECK_CLIENT,
    "consent_required": _CONSENT,
    "interaction_required": _SIGN_IN_BLOCKED,
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
_OTHER: _Row = (
    Text("The issuer gave no token.", "発行者がトークンを発行しませんでした。"),
    Text(
        "Look the error up in the issuer's own documentation and its sign-in log.",
        "発行者のドキュメントとサインイン ログでエラーを確認してください。",
    ),
)


def endpoint_error(error: str, description: str) -> EndpointError:
    found = _AADSTS.search(description)
    number = found[1] if found else ""
    meaning, remedy = _BY_NUMBER.get(number) or _BY_ERROR.get(error) or _OTHER
    return EndpointError(error, f"AADSTS{number}" if number else "", meaning, remedy)
