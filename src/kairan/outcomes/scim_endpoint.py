"""What the SCIM endpoint answers when it makes no change: RFC 7644 section 3.12.

The `detail` of an answer is these words, and behind them what is at fault in this request.
"""

from dataclasses import dataclass

from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class ScimProblem:
    """`scim_type` is the standard's word, empty where it has none; `key` is ours."""

    key: str
    status: int
    scim_type: str
    what: Text  # in English the beginning of `detail`
    remedy: Text


UNAUTHORIZED = ScimProblem(
    "scim-unauthorized",
    401,
    "",
    Text(
        "The token is missing, wrong, revoked or has expired.",
        "トークンがないか、誤っているか、取り消されているか、有効期限が切れています。",
    ),
    Text(
        "`kairan scim token list` shows which there are; make one with `kairan scim token create`, and enter it as Secret Token in Entra.",
        "`kairan scim token list` で確認し、`kairan scim token create` で作成したトークンを Entra の「シークレット トークン」に入力してください。",
    ),
)
TOO_MANY_FAILURES = ScimProblem(
    "scim-too-many-failures",
    429,
    "",
    Text(
        "Too many wrong tokens from here; wait.",
        "この接続元からのトークンの誤りが多すぎます。しばらくお待ちください。",
    ),
    Text(
        "Find who sends the wrong token (the log's `scim.refused` names the address), then wait.",
        "誤ったトークンを送っている接続元をログの `scim.refused` で確認し、しばらく待ってください。",
    ),
)
NOT_FOUND = ScimProblem(
    "scim-not-found",
    404,
    "",
    Text("There is nothing of this kind here.", "該当するリソースはありません。"),
    Text(
        "The tenant URL ends in /scim/v2; who was deleted here is made anew when provisioning is restarted.",
        "テナントの URL は /scim/v2 で終わります。こちらで削除したものは、プロビジョニングを再開すると作り直されます。",
    ),
)
METHOD_NOT_ALLOWED = ScimProblem(
    "scim-method-not-allowed",
    405,
    "",
    Text("This cannot be done here.", "この操作はここでは実行できません。"),
    Text("Nothing to do: no provisioning service needs it.", "対処は不要です。"),
)
NOT_IMPLEMENTED = ScimProblem(
    "scim-not-implemented",
    501,
    "",
    Text(
        "Users and groups are searched one kind at a time, with GET.",
        "検索は、ユーザーとグループを別々に GET で行います。",
    ),
    Text(
        "Ask /Users or /Groups with a filter.",
        "/Users または /Groups を filter 付きで要求してください。",
    ),
)
TOO_LARGE = ScimProblem(
    "scim-too-large",
    413,
    "",
    Text("The request is too large.", "要求が大きすぎます。"),
    Text(
        "Send a group's members in several requests; `body_octets_max` in `[scim]` sets how much is read.",
        "グループのメンバーを複数の要求に分けてください。読み取る上限は `[scim]` の `body_octets_max` です。",
    ),
)
INVALID_SYNTAX = ScimProblem(
    "scim-invalid-syntax",
    400,
    "invalidSyntax",
    Text("The request is no SCIM document.", "要求が SCIM の文書ではありません。"),
    Text(
        "Send JSON as RFC 7644 has it; a file of requests is tested with a SCIM client first.",
        "RFC 7644 の形式の JSON を送信してください。",
    ),
)
INVALID_VALUE = ScimProblem(
    "scim-invalid-value",
    400,
    "invalidValue",
    Text("A value cannot be taken.", "値を受け付けられません。"),
    Text(
        "Correct what the detail names at the source, or its mapping.",
        "detail に示された値を、送信元またはその属性マッピングで修正してください。",
    ),
)
INVALID_PATH = ScimProblem(
    "scim-invalid-path",
    400,
    "invalidPath",
    Text("The path of an operation names nothing here.", "操作の path が示す属性はありません。"),
    Text(
        "Correct the target attribute in the attribute mapping.",
        "属性マッピングの対象の属性を修正してください。",
    ),
)
INVALID_FILTER = ScimProblem(
    "scim-invalid-filter",
    400,
    "invalidFilter",
    Text("The filter cannot be answered.", "フィルターを処理できません。"),
    Text(
        "Match by userName, externalId, displayName, id or emails; other attributes are not searched.",
        "照合には userName、externalId、displayName、id、emails を使ってください。ほかの属性は検索できません。",
    ),
)
MUTABILITY = ScimProblem(
    "scim-mutability",
    400,
    "mutability",
    Text("The attribute is not the client's to change.", "この属性は変更できません。"),
    Text("Take it out of the attribute mapping.", "属性マッピングからこの属性を外してください。"),
)
NO_TARGET = ScimProblem(
    "scim-no-target",
    400,
    "noTarget",
    Text("The operation has no target.", "操作の対象がありません。"),
    Text(
        "Correct the path in the attribute mapping.", "属性マッピングの path を修正してください。"
    ),
)
UNIQUENESS = ScimProblem(
    "scim-uniqueness",
    409,
    "uniqueness",
    Text("Somebody else has this name or address.", "名前またはアドレスがすでに使われています。"),
    Text(
        "Give one of the two another name or address, or remove the one that was put in by hand.",
        "どちらかの名前またはアドレスを変更するか、手動で登録したものを削除してください。",
    ),
)
GROUP_WITHOUT_ADDRESS = ScimProblem(
    "scim-group-without-address",
    400,
    "invalidValue",
    Text(
        "The group has no mail address, and none can be made for it.",
        "グループにメール アドレスがなく、作成もできません。",
    ),
    Text(
        "Set `group_domain` in `[scim]`, or map the group's mail to urn:ietf:params:scim:schemas:extension:kairan:2.0:Group:mail.",
        "`[scim]` の `group_domain` を設定するか、グループの mail を urn:ietf:params:scim:schemas:extension:kairan:2.0:Group:mail にマップしてください。",
    ),
)
AWAY = ScimProblem(
    "scim-away",
    503,
    "",
    Text("The directory cannot be reached; try later.", "ディレクトリを利用できません。"),
    Text(
        "Read the log: `scim.failed` says why. The provisioning service tries again by itself.",
        "ログの `scim.failed` で理由を確認してください。プロビジョニング サービスは自動的に再試行します。",
    ),
)

SCIM_PROBLEMS = (
    UNAUTHORIZED,
    TOO_MANY_FAILURES,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_IMPLEMENTED,
    TOO_LARGE,
    INVALID_SYNTAX,
    INVALID_VALUE,
    INVALID_PATH,
    INVALID_FILTER,
    MUTABILITY,
    NO_TARGET,
    UNIQUENESS,
    GROUP_WITHOUT_ADDRESS,
    AWAY,
)
