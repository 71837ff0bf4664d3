"""How much and how fast: limits of accounts, of the machine, and of Exchange Online."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import SEND_TO_GROUP, TRY_LATER, USE_A_QUEUE

_NDR_TABLE = "Microsoft Support: Email non-delivery reports in Exchange Online"
_SUBMISSION_PAGE = "Microsoft Support: SMTP submission improvements"
_HOLD_SESSION = Text(
    "Hold a few sessions and send the messages through them one after another.",
    "少数のセッションを維持し、メッセージを順番に送信してください。",
)
_USE_HVE = Text(
    "Move the mailing to a High Volume Email account, which is not bound by this limit.",
    "この上限のない大量メール（HVE）アカウントに移行してください。",
)

CONNECTIONS_EXCEEDED = Outcome(
    "connections-exceeded",
    432,
    "4.3.2",
    "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
    when=Text(
        "One account has more sessions open at once than it may. Exchange Online says it after DATA, and allows 3.",
        "1 つのアカウントの同時セッション数が上限を超えました。Exchange Online では DATA の後に返され、上限は 3 です。",
    ),
    causes=(
        Text(
            "The application opens a connection for each message, or sends from many threads.",
            "アプリケーションがメッセージごとに接続する、または多数のスレッドから送信しています。",
        ),
        Text(
            "Several machines share one account.",
            "複数の機器が 1 つのアカウントを共有しています。",
        ),
    ),
    remedies=(
        _HOLD_SESSION,
        Text(
            "Send the message again: it was not accepted, and applications that do not retry lose it here.",
            "メッセージは受け付けられていないため再送してください。再試行しないアプリケーションではここで失われます。",
        ),
        USE_A_QUEUE,
        Text(
            "In Kairan raise the account's own limit, `kairan account set ADDRESS --connections-max N`, or everybody's: `connections_per_account_max` of the admission.",
            "Kairan では、アカウント個別の上限（`kairan account set ADDRESS --connections-max N`）または全体の上限（admission の `connections_per_account_max`）を引き上げてください。",
        ),
    ),
    source=_SUBMISSION_PAGE + "; seen on the wire of Exchange Online",
)

RATE_EXCEEDED = Outcome(
    "rate-exceeded",
    432,
    "4.3.2",
    "Message rate limit of this account exceeded",
    when=Text(
        "One account sends more messages in a minute than it may.",
        "1 つのアカウントの 1 分あたりの送信数が上限を超えました。",
    ),
    causes=(
        Text(
            "A mailing goes out at once that should go to a group.",
            "グループ宛てにすべき一斉送信を個別に行っています。",
        ),
        Text(
            "An application in a loop sends the same again and again.",
            "アプリケーションが同じメールを繰り返し送信しています。",
        ),
    ),
    remedies=(
        TRY_LATER,
        SEND_TO_GROUP,
        Text(
            "In Kairan raise the account's own limit, `kairan account set ADDRESS --messages-per-minute N`, or everybody's: `messages_per_minute_max` of the admission.",
            "Kairan では、アカウント個別の上限（`kairan account set ADDRESS --messages-per-minute N`）または全体の上限（admission の `messages_per_minute_max`）を引き上げてください。",
        ),
    ),
    source="code as for concurrent connections; text ours (no HVE text is published)",
    speaker=Speaker.KAIRAN,
)

RECIPIENT_RATE_EXCEEDED = Outcome(
    "recipient-rate-exceeded",
    432,
    "4.3.2",
    "Recipient rate limit of this account exceeded",
    when=Text(
        "The account has sent to as many recipients within a minute as it may; the message comes in the next one.",
        "1 分間に送信できる宛先数の上限に達しました。次の 1 分に送信できます。",
    ),
    causes=(
        Text(
            "A mailing names its recipients one by one in place of a group.",
            "グループを使わず、宛先を 1 件ずつ指定して一斉送信しています。",
        ),
        Text(
            "Somebody else has the account's password.",
            "アカウントのパスワードが第三者に知られています。",
        ),
    ),
    remedies=(
        TRY_LATER,
        Text(
            "Raise the limit: `kairan account set ADDRESS --recipients-per-minute N`, or `recipients_per_minute_max` in [admission] for all.",
            "上限を引き上げてください: `kairan account set ADDRESS --recipients-per-minute N`、または全体の [admission] `recipients_per_minute_max`。",
        ),
        Text(
            "See from where it is used: `kairan session list --account ADDRESS`.",
            "どこから使われているかを確認します: `kairan session list --account ADDRESS`",
        ),
    ),
    source="Code as for the message rate; limit and text ours",
    speaker=Speaker.KAIRAN,
)

ACCOUNT_HELD = Outcome(
    "account-held",
    432,
    "4.3.2",
    "Account is held, its volume is far above the usual",
    when=Text(
        "The account sent to many times as many recipients within an hour as ever in the last 28 days. It is held until an administrator releases it.",
        "アカウントの 1 時間あたりの宛先数が、過去 28 日間の最大値を大幅に超えました。管理者が解除するまで保留されます。",
    ),
    causes=(
        Text(
            "Somebody else has the account's password or token and sends in its name.",
            "アカウントのパスワードまたはトークンが第三者に知られ、悪用されています。",
        ),
        Text(
            "An application in a loop sends the same again and again.",
            "アプリケーションが同じメールを繰り返し送信しています。",
        ),
        Text(
            "A mailing as large as this is new for the account, or the account itself is.",
            "このアカウントでは初めての規模の一斉送信であるか、アカウント自体が新しいものです。",
        ),
    ),
    remedies=(
        Text(
            "See what it sent, and from where: `kairan trace --from ADDRESS`, `kairan session list --account ADDRESS`.",
            "何がどこから送信されたかを確認します: `kairan trace --from ADDRESS`、`kairan session list --account ADDRESS`",
        ),
        Text(
            "If it was not you, give it another password first: `kairan account password ADDRESS`.",
            "心当たりがない場合は、まずパスワードを変更してください: `kairan account password ADDRESS`",
        ),
        Text(
            "If all is well, release it: `kairan account release ADDRESS`. Its volume is not judged for a day, and is part of its history from then on.",
            "問題がなければ保留を解除してください: `kairan account release ADDRESS`。その後 1 日間は判定されず、その送信量は以後の履歴になります。",
        ),
        Text(
            "Where it happens to mailings that are in order, raise `volume_jump_factor` or `volume_jump_floor_recipients` of the admission.",
            "正当な一斉送信で発生する場合は、admission の `volume_jump_factor` または `volume_jump_floor_recipients` を引き上げてください。",
        ),
    ),
    source="Code as for the message rate; limit and text ours",
    speaker=Speaker.KAIRAN,
)

DISK_LOW = Outcome(
    "disk-low",
    452,
    "4.3.1",
    "Insufficient system resources",
    when=Text(
        "The spool's disk is nearly full, or the queue is as long as it may be.",
        "スプールのディスク残量が少ない、またはキューの長さが上限に達しています。",
    ),
    causes=(
        Text(
            "Mail cannot leave: the next server is down and the queue grows.",
            "次のサーバーの停止などで配信できず、キューが増え続けています。",
        ),
        Text(
            "Something else fills the same disk.",
            "同じディスクを別のものが使い切っています。",
        ),
    ),
    remedies=(
        Text(
            "Look at the queue: `kairan queue stats`, `kairan queue list`; then at the disk: `df -h`, `df -i`.",
            "キュー（`kairan queue stats`、`kairan queue list`）とディスク（`df -h`、`df -i`）を確認してください。",
        ),
        Text(
            "Mend the route, or drop mail that nobody wants: `kairan queue drop`.",
            "配信経路を復旧するか、不要なメールを削除してください: `kairan queue drop`",
        ),
        TRY_LATER,
    ),
    source="RFC 5321 section 4.2.3 (452); RFC 3463 section 3.4 (X.3.1)",
    speaker=Speaker.KAIRAN,
)

TOO_MUCH_UNFINISHED = Outcome(
    "too-much-unfinished",
    452,
    "4.3.1",
    "Too many unfinished messages at once",
    when=Text(
        "The messages that one account or one address, or all together, have begun and not finished hold as much memory as they may.",
        "1 つのアカウントまたはアドレス（または全体）の送信途中のメッセージが、使用できるメモリの上限に達しました。",
    ),
    causes=(
        Text(
            "An application begins many messages at the same time over a slow line.",
            "アプリケーションが低速回線で多数のメッセージを同時に送信しています。",
        ),
        Text(
            "Somebody holds messages open on purpose.",
            "意図的にメッセージを送信途中のままにしている者がいます。",
        ),
    ),
    remedies=(
        _HOLD_SESSION,
        TRY_LATER,
        Text(
            "In Kairan raise `unfinished_octets_per_account_max`, `unfinished_octets_per_address_max` or `unfinished_octets_max` of the intake.",
            "Kairan では、intake の `unfinished_octets_per_account_max`、`unfinished_octets_per_address_max`、`unfinished_octets_max` を引き上げてください。",
        ),
    ),
    source="RFC 5321 section 4.2.3 (452); RFC 3463 section 3.4 (X.3.1)",
    speaker=Speaker.KAIRAN,
)

SPOOL_FAILED = Outcome(
    "spool-failed",
    451,
    "4.3.0",
    "Message could not be stored, try again later",
    when=Text(
        "The message arrived whole, but could not be written to disk; it was not accepted.",
        "メッセージは届きましたがディスクに書き込めなかったため、受け付けていません。",
    ),
    causes=(
        Text(
            "The disk reports errors, is full, or has been remounted read-only.",
            "ディスクのエラー、容量不足、または読み取り専用での再マウントです。",
        ),
        Text(
            "The service may not write to the spool's directory.",
            "サービスにスプール ディレクトリへの書き込み権限がありません。",
        ),
    ),
    remedies=(
        Text(
            "Read the service's log and `dmesg` for the error of the disk.",
            "サービスのログと `dmesg` でディスクのエラーを確認してください。",
        ),
        TRY_LATER,
    ),
    source="RFC 5321 section 4.2.5, 6.1; RFC 3463 section 3.4 (X.3.0)",
    speaker=Speaker.KAIRAN,
)

REPUTATION_VOLUME = Outcome(
    "reputation-volume",
    452,
    "4.5.3",
    "Too many recipients (AS780090)",
    when=Text(
        "Exchange Online limits an address whose reputation it does not know yet; the AS number tells it from the plain limit. Kairan never says this.",
        "評判がまだ定まらない送信元アドレスを Exchange Online が制限しています。AS 番号で通常の上限と区別できます。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A new sending address starts with a large volume.",
            "新しい送信元アドレスから急に大量送信が始まりました。",
        ),
    ),
    remedies=(
        TRY_LATER,
        Text(
            "Send internal mail through an authenticated endpoint, not to the MX.",
            "組織内メールは MX 宛てではなく、認証付きのエンドポイントから送信してください。",
        ),
    ),
    source="reported by users of Exchange Online",
)

DAILY_QUOTA_EXCEEDED = Outcome(
    "daily-quota-exceeded",
    554,
    "5.2.0",
    "STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
    when=Text(
        "An ordinary mailbox has sent to more recipients in a day than it may (10,000). Kairan never says this.",
        "通常のメールボックスの 1 日の送信先数が上限（10,000）を超えました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A mailing goes through a person's or a shared mailbox.",
            "一斉送信に個人または共有のメールボックスを使っています。",
        ),
    ),
    remedies=(_USE_HVE, SEND_TO_GROUP),
    source=_SUBMISSION_PAGE
    + "; match the exception's name, not 5.2.0: other faults come in the same envelope",
)

SUBMISSION_QUOTA_EXCEEDED = Outcome(
    "submission-quota-exceeded",
    550,
    "5.2.2",
    "Submission quota exceeded",
    when=Text(
        "The mailbox has sent more than its recipient rate allows. Kairan never says this.",
        "メールボックスの送信量が受信者レートの上限を超えました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A mailing goes through an ordinary mailbox, or its password was stolen.",
            "通常のメールボックスで一斉送信している、またはパスワードが盗まれています。",
        ),
    ),
    remedies=(_USE_HVE, SEND_TO_GROUP),
    source=_NDR_TABLE,
)

RECIPIENT_LIMIT_DAILY = Outcome(
    "recipient-limit-daily",
    550,
    "5.1.90",
    "Your message can't be sent because you've reached your daily limit for message recipients",
    when=Text(
        "The sender reached the number of recipients of a day. Kairan never says this.",
        "送信者の 1 日の受信者数の上限に達しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A mailing goes through an ordinary mailbox.",
            "通常のメールボックスで一斉送信しています。",
        ),
    ),
    remedies=(_USE_HVE, SEND_TO_GROUP),
    source=_NDR_TABLE,
)

SENT_ITEMS_FULL = Outcome(
    "sent-items-full",
    554,
    "5.2.2",
    "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException",
    when=Text(
        "Copies in Sent Items have filled the sending mailbox. An HVE account has no mailbox and cannot say this.",
        "送信済みアイテムの控えで送信元メールボックスが満杯です。メールボックスのない HVE アカウントでは起こりません。",
    ),
    causes=(
        Text(
            "An application has sent through one mailbox for years.",
            "アプリケーションが長期間 1 つのメールボックスから送信しています。",
        ),
    ),
    remedies=(
        Text(
            "Empty Sent Items, or give the mailbox a retention policy.",
            "送信済みアイテムを空にするか、アイテム保持ポリシーを設定してください。",
        ),
        _USE_HVE,
    ),
    source=_SUBMISSION_PAGE,
)

TENANT_RECIPIENT_BLOCK = Outcome(
    "tenant-recipient-block",
    550,
    "5.7.703",
    "Your message can't be delivered because messages to this recipient are blocked by your organization using Tenant Allow Block List.",
    when=Text(
        "The organisation blocks mail to this recipient by its allow/block list. Kairan never says this.",
        "組織の許可/禁止リストにより、この受信者への送信がブロックされました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "An administrator put the address or its domain on the list.",
            "管理者がアドレスまたはドメインを禁止リストに登録しています。",
        ),
    ),
    remedies=(
        Text(
            "Microsoft Defender portal > Policies & rules > Tenant Allow/Block Lists; `Get-TenantAllowBlockListItems -ListType Sender`.",
            "Microsoft Defender ポータル > [ポリシーとルール] > [テナントの許可/禁止リスト]、または `Get-TenantAllowBlockListItems -ListType Sender` で確認してください。",
        ),
    ),
    source=_NDR_TABLE,
)

TENANT_THRESHOLD = Outcome(
    "tenant-threshold",
    550,
    "5.7.705",
    "Access denied, tenant has exceeded threshold",
    when=Text(
        "Exchange Online has stopped the whole organisation's outgoing mail. Kairan never says this.",
        "Exchange Online が組織全体の送信を停止しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A stolen account or an application sends spam-like mail in bulk.",
            "乗っ取られたアカウントやアプリケーションが、迷惑メールに似た大量送信を行いました。",
        ),
        Text(
            "A young organisation sends more than its licences suggest.",
            "新しい組織がライセンス数に見合わない量を送信しています。",
        ),
    ),
    remedies=(
        Text(
            "Find the source (`Get-MessageTraceV2`), stop it, then ask Microsoft support to lift the block.",
            "発信元を特定して（`Get-MessageTraceV2`）停止し、Microsoft サポートに解除を依頼してください。",
        ),
    ),
    source=_NDR_TABLE,
)
