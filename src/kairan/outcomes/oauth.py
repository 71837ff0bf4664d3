"""Login by token: XOAUTH2's own refusals, in both editions of High Volume Email."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import (
    ALLOW_APP,
    GRANT_MAIL_SEND,
    NEW_TOKEN,
    TRY_LATER,
    XOAUTH2_SHAPE,
)

_PAGE_2025 = "Microsoft Learn: Troubleshoot High Volume Email (2025), table of OAuth SMTP errors"
_PAGE_2026 = "Microsoft Learn: Troubleshoot High Volume Email (2026)"
_TEXT_OURS = "; English text in the pattern of the two that are known from the wire"
_WIRE_124 = "; text on the wire: github.com/tarickb/sasl-xoauth2 issue 110, 2025-09"
_WIRE_127 = "; text on the wire: github.com/tarickb/sasl-xoauth2 issue 98, 2025-01"
_2025 = ("hve-2025",)
_2026 = ("hve-2026",)

_LITERAL_CARET_A = Text(
    "The script wrote the two characters ^A, or byte 0x00, where byte 0x01 belongs.",
    "0x01 のバイトを置くべき所に「^A」という 2 文字や 0x00 を書いています。",
)
_EMPTY_VARIABLE = Text(
    "A variable was empty when the text was put together: a missing setting, a failed call.",
    "文字列を組み立てる際の変数が空でした（設定漏れ、呼び出しの失敗など）。",
)
_CHECK_TOKEN_RESPONSE = Text(
    "Check the answer of the token endpoint before use: on failure it holds `error`, not `access_token`.",
    "使用前にトークン エンドポイントの応答を確認してください。失敗時は `access_token` ではなく `error` が返ります。",
)
_DECODE_TOKEN = Text(
    "Look into the token: `aud`, `roles` or `scp`, `exp`, and `oid` (an app's object ID).",
    "トークンの内容（`aud`、`roles` または `scp`、`exp`、アプリのオブジェクト ID を示す `oid`）を確認してください。",
)

XOAUTH2_NOT_BASE64 = Outcome(
    "xoauth2-not-base64",
    501,
    "5.5.121",
    "Invalid XOAUTH2 argument - The argument is not valid base64",
    when=Text(
        "What follows AUTH XOAUTH2 cannot be decoded.",
        "AUTH XOAUTH2 に続くデータを復号できません。",
    ),
    causes=(
        Text(
            "The token alone was sent, unencoded, in place of the whole text in base64.",
            "全体を base64 にせず、トークンだけをそのまま送っています。",
        ),
        Text(
            "The encoder broke the text into lines, or used the URL-safe alphabet.",
            "エンコーダーが途中で改行した、または URL セーフの文字セットを使いました。",
        ),
    ),
    remedies=(XOAUTH2_SHAPE,),
    source=_PAGE_2025 + _TEXT_OURS,
)

XOAUTH2_FORMAT = Outcome(
    "xoauth2-format",
    501,
    "5.5.122",
    "Invalid XOAUTH2 auth data - The data is not in the expected format",
    when=Text(
        "The decoded text does not have the shape of XOAUTH2, for example auth before user.",
        "復号した文字列が XOAUTH2 の形式ではありません（auth が user より前にあるなど）。",
    ),
    causes=(
        Text(
            "The two fields stand in the wrong order.",
            "2 つのフィールドの順序が逆です。",
        ),
        _LITERAL_CARET_A,
        Text(
            "The two closing 0x01 bytes are missing.",
            "末尾の 2 つの 0x01 が欠けています。",
        ),
    ),
    remedies=(XOAUTH2_SHAPE,),
    source=_PAGE_2025 + _TEXT_OURS,
)

XOAUTH2_USER_MISSING = Outcome(
    "xoauth2-user-missing",
    501,
    "5.5.123",
    "Invalid XOAUTH2 auth data - No user address provided",
    when=Text("Nothing stands behind user=.", "「user=」の後が空です。"),
    causes=(_EMPTY_VARIABLE,),
    remedies=(
        Text(
            "Put the HVE account's primary address behind user=.",
            "「user=」の後に HVE アカウントのプライマリ アドレスを入れてください。",
        ),
        XOAUTH2_SHAPE,
    ),
    source=_PAGE_2025 + _TEXT_OURS,
)

XOAUTH2_USER_INVALID = Outcome(
    "xoauth2-user-invalid",
    501,
    "5.5.124",
    "Invalid XOAUTH2 auth data - User address provided is not valid. Please ensure the auth data is in the documented format",
    when=Text(
        "What stands behind user= is no e-mail address.",
        "「user=」の値がメール アドレスではありません。",
    ),
    causes=(
        Text(
            "A user name without domain, a display name, or a client ID in place of the address.",
            "ドメインのないユーザー名、表示名、またはクライアント ID が入っています。",
        ),
        _LITERAL_CARET_A,
    ),
    remedies=(
        Text(
            "Put the HVE account's primary address behind user=, without angle brackets.",
            "「user=」の後に HVE アカウントのプライマリ アドレスを山かっこなしで入れてください。",
        ),
        XOAUTH2_SHAPE,
    ),
    source=_PAGE_2025 + _WIRE_124,
)

XOAUTH2_TYPE_MISSING = Outcome(
    "xoauth2-type-missing",
    501,
    "5.5.125",
    "Invalid XOAUTH2 auth data - Auth type not present",
    when=Text(
        "The word Bearer is missing behind auth=.",
        "「auth=」の後に Bearer がありません。",
    ),
    causes=(
        Text(
            "The token was put directly behind auth=.",
            "「auth=」の直後にトークンを書いています。",
        ),
    ),
    remedies=(
        Text(
            "Write auth=Bearer, one blank, the token.",
            "「auth=Bearer」、半角空白 1 つ、トークンの順に書いてください。",
        ),
    ),
    source=_PAGE_2025 + _TEXT_OURS,
)

XOAUTH2_TOKEN_MISSING = Outcome(
    "xoauth2-token-missing",
    501,
    "5.5.126",
    "Invalid XOAUTH2 auth data - Auth token not present",
    when=Text("No token stands behind Bearer.", "Bearer の後にトークンがありません。"),
    causes=(
        Text(
            "The token could not be got, and the client sent its emptiness.",
            "トークンの取得に失敗し、空のまま送信しました。",
        ),
        _EMPTY_VARIABLE,
    ),
    remedies=(_CHECK_TOKEN_RESPONSE,),
    source=_PAGE_2025 + _TEXT_OURS,
)

_EXPIRES_SOON_WHEN = Text(
    "The token is valid, but expires within the service's margin of about ten minutes.",
    "トークンは有効ですが、約 10 分の余裕時間以内に期限切れになります。",
)
_EXPIRES_SOON_CAUSES = (
    Text(
        "The client keeps its token until the last minute and opened a new session with it.",
        "クライアントが期限間際のトークンで新しいセッションを開きました。",
    ),
    Text(
        "The clock of client or server is wrong.",
        "クライアントまたはサーバーの時計がずれています。",
    ),
)
_REFRESH_WINDOW = Text(
    "Set the client's refresh window to 600 seconds or more (sasl-xoauth2: `refresh_window`).",
    "クライアントの更新猶予を 600 秒以上に設定してください（sasl-xoauth2 では `refresh_window`）。",
)

TOKEN_EXPIRES_SOON = Outcome(
    "token-expires-soon",
    501,
    "5.5.127",
    "Invalid XOAUTH2 auth data - Token will expire soon",
    when=_EXPIRES_SOON_WHEN,
    causes=_EXPIRES_SOON_CAUSES,
    remedies=(NEW_TOKEN, _REFRESH_WINDOW),
    source=_PAGE_2025 + _WIRE_127,
    profiles=_2025,
)

TOKEN_EXPIRES_SOON_2026 = Outcome(
    "token-expires-soon-2026",
    535,
    "5.7.142",
    "Token will expire soon",
    when=_EXPIRES_SOON_WHEN,
    causes=_EXPIRES_SOON_CAUSES,
    remedies=(NEW_TOKEN, _REFRESH_WINDOW),
    source=_PAGE_2026,
    profiles=_2026,
)

_EXPIRED_WHEN = Text(
    "The token's time is over.",
    "トークンの有効期限が切れています。",
)
_EXPIRED_CAUSES = (
    Text(
        "The client does not renew its token: fetched once at its start, or written into its settings.",
        "クライアントがトークンを更新していません（起動時に一度だけ取得、または設定に直接記述）。",
    ),
    Text("The clock of the client is slow.", "クライアントの時計が遅れています。"),
)

TOKEN_EXPIRED = Outcome(
    "token-expired",
    501,
    "5.5.128",
    "Invalid XOAUTH2 auth data - Token has expired",
    when=_EXPIRED_WHEN,
    causes=_EXPIRED_CAUSES,
    remedies=(NEW_TOKEN,),
    source=_PAGE_2025 + _TEXT_OURS,
    profiles=_2025,
)

TOKEN_EXPIRED_2026 = Outcome(
    "token-expired-2026",
    535,
    "5.7.143",
    "Expired token",
    when=_EXPIRED_WHEN,
    causes=_EXPIRED_CAUSES,
    remedies=(NEW_TOKEN,),
    source=_PAGE_2026,
    profiles=_2026,
)

_PERMISSION_WHEN = Text(
    "The token is genuine, but does not carry the permission to send mail.",
    "トークンは正規のものですが、メール送信のアクセス許可を含んでいません。",
)
_PERMISSION_CAUSES = (
    Text(
        "Mail.Send was added for Microsoft Graph, not for Office 365 Exchange Online.",
        "Mail.Send が Office 365 Exchange Online ではなく Microsoft Graph に追加されています。",
    ),
    Text(
        "Admin consent is missing, or was given after the token had been fetched.",
        "管理者の同意がない、またはトークン取得後に同意が与えられました。",
    ),
    Text(
        "The token was asked for another resource: the scope is not https://outlook.office365.com/.default.",
        "別のリソース向けのトークンです（スコープが https://outlook.office365.com/.default ではありません）。",
    ),
)

TOKEN_PERMISSION = Outcome(
    "token-permission",
    501,
    "5.5.129",
    "Invalid XOAUTH2 auth data - Invalid token, the app has wrong permissions",
    when=_PERMISSION_WHEN,
    causes=_PERMISSION_CAUSES,
    remedies=(GRANT_MAIL_SEND, _DECODE_TOKEN),
    source=_PAGE_2025 + _TEXT_OURS,
    profiles=_2025,
)

TOKEN_PERMISSION_2026 = Outcome(
    "token-permission-2026",
    535,
    "5.7.144",
    "XOAUTH2 authentication failed. Invalid API permissions.",
    when=_PERMISSION_WHEN,
    causes=_PERMISSION_CAUSES,
    remedies=(GRANT_MAIL_SEND, _DECODE_TOKEN),
    source=_PAGE_2026,
    profiles=_2026,
)

OAUTH_UNSUCCESSFUL = Outcome(
    "oauth-unsuccessful",
    535,
    "5.7.127",
    "Authentication unsuccessful",
    when=Text(
        "The token was refused for a reason that no other code names: signature, issuer, audience, tenant or account.",
        "署名、発行者、対象サービス（aud）、テナント、アカウントなど、ほかのコードで示されない理由でトークンが拒否されました。",
    ),
    causes=(
        Text(
            "The application is not on the HVE account's list of allowed apps.",
            "アプリケーションが HVE アカウントの「許可されたアプリ」（Allowed Apps）にありません。",
        ),
        Text(
            "The list holds the client ID or the registration's object ID, not the Enterprise application's object ID.",
            "「許可されたアプリ」に、エンタープライズ アプリケーションのオブジェクト ID ではなくクライアント ID やアプリ登録のオブジェクト ID が入っています。",
        ),
        Text(
            "The token comes from another tenant, or is for another service.",
            "別のテナント、または別のサービス向けのトークンです。",
        ),
    ),
    remedies=(ALLOW_APP, _DECODE_TOKEN, GRANT_MAIL_SEND),
    source=_PAGE_2025,
)

APP_NOT_ALLOWED = Outcome(
    "app-not-allowed",
    550,
    "5.7.240",
    "The application is not allowed for use with this High Volume Email account",
    when=Text(
        "The token is good, but its application is not on the account's list of allowed apps.",
        "トークンは有効ですが、そのアプリケーションがアカウントの「許可されたアプリ」（Allowed Apps）にありません。",
    ),
    causes=(
        Text(
            "The application was never added to this account, or was removed.",
            "アプリケーションがこのアカウントに追加されていない、または削除されました。",
        ),
        Text(
            "Another kind of ID was added: the list wants the Enterprise application's object ID.",
            "別の種類の ID が追加されています。必要なのはエンタープライズ アプリケーションのオブジェクト ID です。",
        ),
        Text(
            "The change is younger than five minutes.",
            "変更から 5 分経っていません。",
        ),
    ),
    remedies=(ALLOW_APP,),
    source=_PAGE_2026,
    profiles=_2026,
)

TOKEN_ISSUER_UNREACHABLE = Outcome(
    "token-issuer-unreachable",
    454,
    "4.7.0",
    "Temporary authentication failure, the keys of the token's issuer are not available",
    when=Text(
        "A token cannot be judged, because no keys of its issuer have been had yet, or not for days.",
        "発行者の公開鍵をまだ取得できていない（または長期間取得できていない）ため、トークンを検証できません。",
    ),
    causes=(
        Text(
            "The issuer is down, or the service cannot reach it: name resolution, firewall, proxy.",
            "発行者が停止しているか、名前解決、ファイアウォール、プロキシなどの理由でサービスから接続できません。",
        ),
        Text(
            "The issuer's address or `jwks_url` is wrong in the configuration, or what is there is no key set.",
            "設定の発行者アドレスまたは `jwks_url` が誤っているか、その場所に鍵セットがありません。",
        ),
    ),
    remedies=(
        Text(
            "Read the service's log for `auth.issuer-keys-not-fetched`: it says why. Then correct [[auth.issuers]]; `kairan check-config` shows what is set.",
            "サービスのログの `auth.issuer-keys-not-fetched` で理由を確認し、[[auth.issuers]] を修正してください。現在の設定は `kairan check-config` で確認できます。",
        ),
        TRY_LATER,
    ),
    source="RFC 4954 section 6 (454 4.7.0); text ours",
    speaker=Speaker.KAIRAN,
)

TOKEN_SESSION_EXPIRED = Outcome(
    "token-session-expired",
    421,
    "4.7.0",
    "Access token has expired, log in again with a new one",
    when=Text(
        "The session was opened with a token whose time has run out since; a running message could finish, the next one is not begun.",
        "セッションの認証に使われたトークンの期限が切れました。送信中のメッセージは完了できますが、次のメッセージは開始できません。",
    ),
    causes=(
        Text(
            "The client holds one session for longer than its token is valid.",
            "クライアントがトークンの有効期間より長くセッションを保持しています。",
        ),
    ),
    remedies=(
        NEW_TOKEN,
        Text(
            "Close a held session before its token expires, and connect again with the next one.",
            "保持しているセッションはトークンの期限が切れる前に閉じ、次のトークンで接続し直してください。",
        ),
    ),
    source="RFC 5321 section 3.8 (421 closes the channel); rule and text ours",
    speaker=Speaker.KAIRAN,
)
