"""What the issuer says when it gives no token: RFC 6749 section 5.2, RFC 8628 section 3.5.

The descriptions name neither app nor account: who asks knows, others need not.
"""

from dataclasses import dataclass

from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class Problem:
    """`error` is the standard's word, which several share; `key` is ours, and its place in the page."""

    key: str
    error: str
    what: Text  # in English the `error_description`
    remedy: Text
    status: int = 400


INVALID_REQUEST = Problem(
    "issuer-invalid-request",
    "invalid_request",
    Text(
        "A parameter is missing, repeated or malformed.",
        "必要なパラメーターがないか、重複しているか、書式が誤っています。",
    ),
    Text(
        "Send a form (application/x-www-form-urlencoded) with grant_type, client_id, client_secret and scope, each once.",
        "grant_type、client_id、client_secret、scope を 1 回ずつ、フォーム形式（application/x-www-form-urlencoded）で送信してください。",
    ),
)
INVALID_CLIENT = Problem(
    "issuer-invalid-client",
    "invalid_client",
    Text(
        "Client id or secret is wrong, or the app is off.",
        "クライアント ID またはシークレットが違うか、アプリが無効です。",
    ),
    Text(
        "See `kairan app show`; make a new secret with `kairan app secret`, the old one stays valid for a week.",
        "`kairan app show` で確認し、`kairan app secret` で新しいシークレットを作成してください（古いものも 1 週間有効です）。",
    ),
    401,
)
INVALID_SCOPE = Problem(
    "issuer-invalid-scope",
    "invalid_scope",
    Text(
        "Ask for the audience with /.default behind it, or for permissions it has.",
        "対象サービスに /.default を付けたもの、またはアプリに許可されたアクセス許可を要求してください。",
    ),
    Text(
        "Set the scope to `https://outlook.office365.com/.default`, or to what `audience` in `[issuer]` says.",
        "scope を `https://outlook.office365.com/.default`（`[issuer]` の `audience` を変えた場合はその値）にしてください。",
    ),
)
INVALID_GRANT = Problem(
    "issuer-invalid-grant",
    "invalid_grant",
    Text(
        "The device code is unknown, or has been used.",
        "デバイス コードが不明か、使用済みです。",
    ),
    Text("Start the device's sign-in anew.", "機器のサインインを最初からやり直してください。"),
)
UNSUPPORTED = Problem(
    "issuer-unsupported-grant-type",
    "unsupported_grant_type",
    Text(
        "client_credentials or device_code, nothing else.",
        "使えるのは client_credentials と device_code だけです。",
    ),
    Text(
        "Choose client credentials in the application; there is no login with user name and password here.",
        "アプリケーションでクライアント資格情報を選んでください。ユーザー名とパスワードによる取得はできません。",
    ),
)
NO_LOGIN_PAGE = Problem(
    "issuer-no-login-page",
    "unsupported_response_type",
    Text(
        "There is no login page: use a client secret, or a device code that is approved on the server.",
        "ログイン ページはありません。クライアント シークレット、またはサーバー上で承認するデバイス コードを使ってください。",
    ),
    Text(
        "Choose client credentials or the device flow in the application.",
        "アプリケーションでクライアント資格情報またはデバイス フローを選んでください。",
    ),
)
PENDING = Problem(
    "issuer-authorization-pending",
    "authorization_pending",
    Text(
        "Nobody has approved the code yet; ask again later.",
        "コードはまだ承認されていません。後で再度要求してください。",
    ),
    Text(
        "On the server: `kairan app approve CODE --user ADDRESS`.",
        "サーバー上で `kairan app approve CODE --user ADDRESS` を実行してください。",
    ),
)
SLOW_DOWN = Problem(
    "issuer-slow-down",
    "slow_down",
    Text("Ask less often.", "要求の間隔が短すぎます。"),
    Text(
        "Wait as long as `interval` in the answer to the device's first request says.",
        "最初の応答の `interval` に示された秒数だけ待ってください。",
    ),
)
EXPIRED = Problem(
    "issuer-expired-token",
    "expired_token",
    Text("The code has expired; ask for a new one.", "コードの有効期限が切れました。"),
    Text(
        "Start the device's sign-in anew, and approve it within `device_code_seconds` (15 minutes).",
        "機器のサインインをやり直し、`device_code_seconds`（15 分）以内に承認してください。",
    ),
)
TOO_MANY = Problem(
    "issuer-too-many-failures",
    "temporarily_unavailable",
    Text("Too many failures from here; wait.", "この接続元からの失敗が多すぎます。"),
    Text(
        "Find the application with the wrong secret (the log's `issuer.refused` names its address), then wait.",
        "誤ったシークレットを使うアプリケーションを探し（ログの `issuer.refused` に接続元があります）、しばらく待ってください。",
    ),
    429,
)
BUSY = Problem(
    "issuer-busy",
    "temporarily_unavailable",
    Text(
        "Too many logins wait for approval; try later.",
        "承認待ちのサインインが多すぎます。後で再度お試しください。",
    ),
    Text(
        "Approve those that are yours; the others end after `device_code_seconds`.",
        "該当するものを承認してください。残りは `device_code_seconds` 後に無効になります。",
    ),
    503,
)
AWAY = Problem(
    "issuer-away",
    "server_error",
    Text(
        "The issuer cannot reach what it needs; try later.",
        "発行者が必要とするもの（ディレクトリまたは鍵）を利用できません。",
    ),
    Text(
        "Read the log: `issuer.failed` says what is away, the directory's database or a key.",
        "ログの `issuer.failed` で、ディレクトリのデータベースと鍵のどちらが利用できないかを確認してください。",
    ),
    503,
)
TOO_LARGE = Problem(
    "issuer-too-large",
    "invalid_request",
    Text("The request is too large.", "要求が大きすぎます。"),
    Text(
        "A form with an id, a secret and a scope has less than 1 KiB; 16 KiB are read.",
        "ID、シークレット、scope を含むフォームは 1 KiB 未満です。読み取る上限は 16 KiB です。",
    ),
    413,
)

PROBLEMS = (
    INVALID_REQUEST,
    INVALID_CLIENT,
    INVALID_SCOPE,
    INVALID_GRANT,
    UNSUPPORTED,
    NO_LOGIN_PAGE,
    PENDING,
    SLOW_DOWN,
    EXPIRED,
    TOO_MANY,
    BUSY,
    AWAY,
    TOO_LARGE,
)
