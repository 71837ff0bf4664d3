"""What Entra ID means by the number with which it refuses a token: `AADSTS` and digits.

The number stands in the token endpoint's answer, and so in the log of every client that asks for
tokens: sasl-xoauth2, MSAL, a printer, Kairan itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kairan.outcomes.outcome import Outcome, Text
from kairan.outcomes.peers import ACCESS_TOKEN_REFUSED, SIGN_IN_NEEDED

SOURCE = "Microsoft Learn: Microsoft Entra authentication and authorization error codes"

_NUMBER = re.compile(r"AADSTS(\d{4,8})(?!\d)", re.IGNORECASE)
# Of one text so many are told; a longer list is a page about them.
_TOLD_MAX = 8


@dataclass(frozen=True, slots=True)
class EntraRefusal:
    number: str  # the digits
    outcome: Outcome  # what it comes to where a message waits for the token
    meaning: Text
    remedy: Text


# What it means, and what to do.
Row = tuple[Text, Text]

_APP_PAGE = "Entra admin center > App registrations > the app"

CHECK_SECRET: Row = (
    Text("The client secret is wrong.", "クライアント シークレットが誤っています。"),
    Text(
        f"{_APP_PAGE} > Certificates & secrets: copy the secret's value, not its ID; in Kairan: `kairan app secret NAME`.",
        "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [証明書とシークレット] で、シークレット ID ではなく「値」を使ってください。Kairan では `kairan app secret NAME`",
    ),
)
CHECK_SCOPE: Row = (
    Text("The scope is not one that this issuer knows.", "スコープが認識されません。"),
    Text(
        "For an application ask for https://outlook.office365.com/.default and nothing else.",
        "アプリケーションの場合は https://outlook.office365.com/.default だけを要求してください。",
    ),
)
CHECK_CLIENT: Row = (
    Text(
        "The application is not known in this tenant.",
        "このテナントにアプリケーションが見つかりません。",
    ),
    Text(
        f"Compare client ID and tenant in the token URL with {_APP_PAGE} > Overview.",
        "クライアント ID とトークン URL のテナントを、Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [概要] と照合してください。",
    ),
)
CONSENT: Row = (
    Text("Consent is missing.", "同意が与えられていません。"),
    Text(
        f"{_APP_PAGE} > API permissions > Grant admin consent.",
        "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [API のアクセス許可] で、管理者の同意を与えてください。",
    ),
)
SIGN_IN_BLOCKED: Row = (
    Text(
        "The sign-in asks for more: multi-factor authentication or a Conditional Access rule.",
        "多要素認証や条件付きアクセスなど、追加の条件が求められています。",
    ),
    Text(
        "Exclude the account from that rule, or use an application's own token (client credentials).",
        "対象アカウントをそのポリシーから除外するか、アプリケーション自身のトークン（クライアント資格情報）を使ってください。",
    ),
)

_SEND_AS_FORM = Text(
    "Send grant_type, client_id, client_secret and scope as a form (application/x-www-form-urlencoded).",
    "grant_type、client_id、client_secret、scope をフォーム形式（application/x-www-form-urlencoded）で送ってください。",
)
_REFRESH_TOKEN_UNUSED: Row = (
    Text(
        "The refresh token has expired; it was not used for too long.",
        "更新トークンが、長期間使われなかったため期限切れになりました。",
    ),
    Text(
        "Sign in anew, and let the client ask for a new token at least once in a while.",
        "サインインし直してください。クライアントが定期的にトークンを更新するようにしてください。",
    ),
)

_BY_NUMBER: Mapping[str, Row] = {
    "7000215": CHECK_SECRET,
    "7000222": (
        Text(
            "The client secret has expired.", "クライアント シークレットの有効期限が切れています。"
        ),
        Text(
            f"{_APP_PAGE} > Certificates & secrets: make a new one, and note its end.",
            "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [証明書とシークレット] で新しいシークレットを作成し、期限を控えてください。",
        ),
    ),
    "700016": CHECK_CLIENT,
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
    "50076": SIGN_IN_BLOCKED,
    "50079": SIGN_IN_BLOCKED,
    "53003": SIGN_IN_BLOCKED,
    "65001": CONSENT,
    "70011": CHECK_SCOPE,
    "1002012": CHECK_SCOPE,
    "500011": (
        Text(
            "The resource in the scope is not known in this tenant.",
            "スコープのリソースがこのテナントに存在しません。",
        ),
        CHECK_SCOPE[1],
    ),
    "7000218": (
        Text(
            "The request holds no client secret, and the application is not a public client.",
            "要求にクライアント シークレットがなく、アプリもパブリック クライアントではありません。",
        ),
        Text(
            f"Send the secret, or for device code: {_APP_PAGE} > Authentication > Allow public client flows.",
            "シークレットを送るか、デバイス コードの場合は Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [認証] で [パブリック クライアント フローを許可する] を有効にしてください。",
        ),
    ),
    "7000216": (
        Text(
            "The request holds neither a client secret nor a certificate's assertion.",
            "要求にクライアント シークレットも証明書のアサーションも含まれていません。",
        ),
        Text(
            "Send client_secret or client_assertion with the request.",
            "要求に client_secret または client_assertion を含めてください。",
        ),
    ),
    "7000112": (
        Text(
            "The application is disabled in this tenant.",
            "このテナントでアプリケーションが無効になっています。",
        ),
        Text(
            "Entra admin center > Enterprise apps > the app > Properties: 'Enabled for users to sign in' to Yes.",
            "Microsoft Entra 管理センター > [エンタープライズ アプリ] > 対象アプリ > [プロパティ] で、ユーザーのサインインを有効にしてください。",
        ),
    ),
    "7000229": (
        Text(
            "The application is registered, but has no service principal (Enterprise application) in this tenant; the secret is not what is wrong.",
            "アプリは登録されていますが、このテナントにサービス プリンシパル（エンタープライズ アプリケーション）がありません。シークレットの誤りではありません。",
        ),
        Text(
            "Make one: grant admin consent in this tenant, or `New-MgServicePrincipal -AppId CLIENT-ID`; and check that the tenant in the token URL is the right one.",
            "このテナントで管理者の同意を与えるか、`New-MgServicePrincipal -AppId CLIENT-ID` で作成してください。トークン URL のテナントが正しいかも確認してください。",
        ),
    ),
    "700027": (
        Text(
            "The certificate's assertion does not hold: its certificate is not registered for the application, or has expired, or the signature is wrong; no client secret is in play.",
            "証明書によるアサーションを検証できません（証明書がアプリに未登録、期限切れ、または署名の誤り）。クライアント シークレットの問題ではありません。",
        ),
        Text(
            f"{_APP_PAGE} > Certificates & secrets > Certificates: compare the thumbprint with the certificate in use, and upload that one.",
            "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [証明書とシークレット] > [証明書] で、使用中の証明書の拇印と照合し、その証明書をアップロードしてください。",
        ),
    ),
    "700024": (
        Text(
            "The certificate's assertion is not valid at this time.",
            "アサーションの有効期間外です。",
        ),
        Text(
            "Set the clock of the client (NTP); an assertion lives for some minutes.",
            "クライアントの時計を合わせてください（NTP）。アサーションの有効期間は数分です。",
        ),
    ),
    "700025": (
        Text(
            "The application is a public client, and the request holds a secret or an assertion.",
            "パブリック クライアントのアプリに対して、シークレットまたはアサーションが送られました。",
        ),
        Text(
            f"Leave the secret out, or register the platform Web for it: {_APP_PAGE} > Authentication.",
            "シークレットを送らないか、Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [認証] で Web プラットフォームとして登録してください。",
        ),
    ),
    "700082": _REFRESH_TOKEN_UNUSED,
    "70008": _REFRESH_TOKEN_UNUSED,
    "50173": (
        Text(
            "The grant was withdrawn: the password was changed or reset since, or an administrator revoked the sessions.",
            "許可が取り消されています（パスワードの変更・リセット、または管理者によるセッションの取り消し）。",
        ),
        Text(
            "Sign in anew; for a service use an application's own token (client credentials), which no password touches.",
            "サインインし直してください。サービスには、パスワードの影響を受けないアプリケーション自身のトークン（クライアント資格情報）を推奨します。",
        ),
    ),
    "50055": (
        Text(
            "The account's password has expired.",
            "アカウントのパスワードの有効期限が切れています。",
        ),
        Text(
            "Set a new one, and for a service account one that does not expire: `Update-MgUser -UserId ADDRESS -PasswordPolicies DisablePasswordExpiration`.",
            "新しいパスワードを設定してください。サービス用アカウントでは期限切れを無効にできます: `Update-MgUser -UserId ADDRESS -PasswordPolicies DisablePasswordExpiration`",
        ),
    ),
    "50057": (
        Text("The account is disabled.", "アカウントが無効です。"),
        Text(
            "Enable it: Entra admin center > Users > the account.",
            "Microsoft Entra 管理センター > [ユーザー] > 対象アカウントで有効にしてください。",
        ),
    ),
    "50053": (
        Text(
            "The account is locked after too many wrong passwords, or the sign-in came from an address with a bad name.",
            "パスワードの誤りが続いたためアカウントがロックされた、または評判の悪い IP アドレスからのサインインです。",
        ),
        Text(
            "Stop the device that keeps trying an old password, then wait; see Entra ID > Monitoring & health > Sign-in logs.",
            "古いパスワードで試行を続ける機器を止めてから待ってください。[Entra ID] > [監視と正常性] > [サインイン ログ] で確認できます。",
        ),
    ),
    "50105": (
        Text(
            "The application wants its users to be assigned, and this one is not.",
            "アプリにユーザーの割り当てが必要ですが、このユーザーは割り当てられていません。",
        ),
        Text(
            "Entra admin center > Enterprise apps > the app > Users and groups: add the account.",
            "Microsoft Entra 管理センター > [エンタープライズ アプリ] > 対象アプリ > [ユーザーとグループ] に追加してください。",
        ),
    ),
    "50020": (
        Text("The account belongs to another tenant.", "別のテナントのアカウントです。"),
        Text(
            "Use the tenant of the account in the token URL.",
            "トークン URL にアカウントのテナントを指定してください。",
        ),
    ),
    "90014": (
        Text(
            "A field of the request is missing; the text names it.",
            "要求の必須フィールドが不足しています（名前は本文に示されます）。",
        ),
        _SEND_AS_FORM,
    ),
    "900144": (
        Text(
            "A parameter of the request's body is missing; the text names it.",
            "要求本文のパラメーターが不足しています（名前は本文に示されます）。",
        ),
        _SEND_AS_FORM,
    ),
    "650057": (
        Text(
            "The resource asked for is not among the application's API permissions.",
            "要求したリソースが、アプリの API のアクセス許可に含まれていません。",
        ),
        Text(
            f"{_APP_PAGE} > API permissions: add Office 365 Exchange Online, then grant admin consent.",
            "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [API のアクセス許可] に Office 365 Exchange Online を追加し、管理者の同意を与えてください。",
        ),
    ),
}
# After these somebody must sign in, or an administrator lets the account do so.
_OF_SIGN_IN = frozenset(
    {"50020", "50034", "50053", "50055", "50057", "50076", "50079", "50105", "50126", "50173", "53003", "70008", "700082"}
)  # fmt: skip
_OTHER: Row = (
    Text(
        "Entra ID refuses the token; its own words beside the number say why.",
        "Entra ID がトークンの発行を拒否しました。理由は番号に続く本文に示されています。",
    ),
    Text(
        "Look the number up at https://login.microsoftonline.com/error, and the attempt in Entra ID > Monitoring & health > Sign-in logs.",
        "番号は https://login.microsoftonline.com/error で、試行は [Entra ID] > [監視と正常性] > [サインイン ログ] で確認してください。",
    ),
)


def refusals_in(text: str) -> Iterator[EntraRefusal]:
    """Each number once, in the order of the text."""
    numbers = dict.fromkeys(found[1] for found in _NUMBER.finditer(text))
    for number, _ in zip(numbers, range(_TOLD_MAX), strict=False):
        meaning, remedy = _BY_NUMBER.get(number, _OTHER)
        outcome = SIGN_IN_NEEDED if number in _OF_SIGN_IN else ACCESS_TOKEN_REFUSED
        yield EntraRefusal(number, outcome, meaning, remedy)


def is_known(number: str) -> bool:
    return number in _BY_NUMBER
