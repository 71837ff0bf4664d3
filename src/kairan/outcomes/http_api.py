"""What the HTTP API answers by itself when it does not do what was asked: RFC 9457.

A refusal of mail is not here: it is the catalogue's, as SMTP has it.  The `detail` of an answer says
what is at fault in this request.
"""

from dataclasses import dataclass

from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class ApiProblem:
    key: str
    status: int
    what: Text  # the `title`
    remedy: Text


UNAUTHORIZED = ApiProblem(
    "api-unauthorized",
    401,
    Text(
        "There is no key or login here that is good for this.",
        "有効なキーまたはログイン情報がありません。",
    ),
    Text(
        "Mail is sent with the account's password (Basic) or its access token (Bearer); all else needs a key of `kairan api-key add`.",
        "メールの送信にはアカウントのパスワード（Basic）またはアクセス トークン（Bearer）を、それ以外には `kairan api-key add` で作成したキーを使ってください。",
    ),
)
SCOPE = ApiProblem(
    "api-scope",
    403,
    Text("The key may not do this.", "このキーでは実行できません。"),
    Text(
        "Make a key with the scope that the detail names: `kairan api-key add NAME --scope admin`.",
        "detail に示されたスコープのキーを `kairan api-key add NAME --scope admin` で作成してください。",
    ),
)
NOT_FOUND = ApiProblem(
    "api-not-found",
    404,
    Text("There is nothing of this name here.", "該当するものはありません。"),
    Text(
        "Look at the list it should be in; of a message, `GET /v1/trace`.",
        "一覧を確認してください。メッセージは `GET /v1/trace` で探せます。",
    ),
)
METHOD_NOT_ALLOWED = ApiProblem(
    "api-method-not-allowed",
    405,
    Text("This cannot be done here.", "この操作はここでは実行できません。"),
    Text("`/openapi.json` says what can.", "可能な操作は `/openapi.json` で確認してください。"),
)
TOO_SLOW = ApiProblem(
    "api-too-slow",
    408,
    Text("The request came too slowly.", "要求の送信が遅すぎます。"),
    Text(
        "Send it again over a better line, or in smaller parts.",
        "回線を確認し、再送してください。",
    ),
)
CONFLICT = ApiProblem(
    "api-conflict",
    409,
    Text(
        "The directory does not take this change.",
        "ディレクトリはこの変更を受け付けませんでした。",
    ),
    Text("Correct what the detail names.", "detail に示された箇所を修正してください。"),
)
IN_PROGRESS = ApiProblem(
    "api-in-progress",
    409,
    Text(
        "A request with this Idempotency-Key is being answered at this moment.",
        "同じ Idempotency-Key の要求を処理しています。",
    ),
    Text("Ask again in a second.", "1 秒ほど待ってから再送してください。"),
)
CAPTURE_OFF = ApiProblem(
    "api-capture-off",
    409,
    Text(
        "This service keeps no test mail and follows no fault rules.",
        "このサービスではテスト メールの保存と障害ルールを利用できません。",
    ),
    Text(
        "In a service for tests, write `enabled = true` in `[capture]`; in one for people's mail, never.",
        "テスト用のサービスでのみ `[capture]` に `enabled = true` を設定してください。業務用では設定しないでください。",
    ),
)
TOO_LARGE = ApiProblem(
    "api-too-large",
    413,
    Text("The request is too large.", "要求が大きすぎます。"),
    Text(
        "Send less; `message_octets_max` in `[admission]` says how large a message may be.",
        "小さくしてください。メッセージの上限は `[admission]` の `message_octets_max` です。",
    ),
)
MEDIA_TYPE = ApiProblem(
    "api-media-type",
    415,
    Text("The body is of a kind that is not read here.", "本文の形式が対象外です。"),
    Text(
        "Send application/json, or message/rfc822 where a whole message is meant.",
        "application/json（メッセージ全体を送る場合は message/rfc822）で送信してください。",
    ),
)
INVALID = ApiProblem(
    "api-invalid",
    422,
    Text("The request is not as it must be.", "要求の内容が正しくありません。"),
    Text(
        "Correct what the detail names; `/openapi.json` describes each field.",
        "detail に示された箇所を修正してください。各項目の説明は `/openapi.json` にあります。",
    ),
)
BROKEN_ROWS = ApiProblem(
    "api-broken-rows",
    422,
    Text(
        "Rows of the file are broken, so nothing of it was imported.",
        "ファイルに誤った行があるため、何も取り込みませんでした。",
    ),
    Text(
        "Correct the lines in `rows`, and send the whole file again; `dry_run=true` only looks.",
        "`rows` に示された行を修正し、ファイル全体を再送してください。`dry_run=true` では確認だけを行います。",
    ),
)
KEY_REUSED = ApiProblem(
    "api-key-reused",
    422,
    Text(
        "This Idempotency-Key was used for another request.",
        "この Idempotency-Key は別の要求で使われています。",
    ),
    Text(
        "Take a new key for each message; the same one is for sending the same again.",
        "メッセージごとに新しいキーを使ってください。同じキーは同じ要求の再送に限られます。",
    ),
)
TOO_MANY_FAILURES = ApiProblem(
    "api-too-many-failures",
    429,
    Text(
        "Too many wrong keys from here; wait.",
        "この接続元からのキーの誤りが多すぎます。しばらくお待ちください。",
    ),
    Text(
        "Find who sends the wrong key (the log's `api.refused` names the address), then wait.",
        "誤ったキーを送っている接続元をログの `api.refused` で確認し、しばらく待ってください。",
    ),
)
DEFECT = ApiProblem(
    "api-defect",
    500,
    Text("This should not happen.", "内部エラーが発生しました。"),
    Text(
        "Please report it with the log's line `api.defect`.",
        "ログの `api.defect` の行を添えて報告してください。",
    ),
)
AWAY = ApiProblem(
    "api-away",
    503,
    Text(
        "The service cannot do this at the moment; try later.",
        "現在、処理できません。しばらくしてから再試行してください。",
    ),
    Text(
        "`kairan status` says what is wrong; the log's `api.failed` has the reason.",
        "`kairan status` とログの `api.failed` で理由を確認してください。",
    ),
)
BUSY = ApiProblem(
    "api-busy",
    503,
    Text(
        "Too much is being sent at this moment.",
        "同時に送信されている量が多すぎます。",
    ),
    Text("Send it again in a few seconds.", "数秒後に再送してください。"),
)
UNKNOWN_OUTCOME = ApiProblem(
    "api-unknown-outcome",
    504,
    Text(
        "The message was handed over, and no answer came: it may have been taken.",
        "メッセージを渡しましたが、応答がありません。受け付けられた可能性があります。",
    ),
    Text(
        "Send it again with the same Idempotency-Key, and it goes out once; without one, ask `GET /v1/trace` first.",
        "同じ Idempotency-Key で再送すれば、送信は一度だけです。キーがない場合は、先に `GET /v1/trace` で確認してください。",
    ),
)

API_PROBLEMS = (
    UNAUTHORIZED,
    SCOPE,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    TOO_SLOW,
    CONFLICT,
    IN_PROGRESS,
    CAPTURE_OFF,
    TOO_LARGE,
    MEDIA_TYPE,
    INVALID,
    BROKEN_ROWS,
    KEY_REUSED,
    TOO_MANY_FAILURES,
    DEFECT,
    AWAY,
    BUSY,
    UNKNOWN_OUTCOME,
)
