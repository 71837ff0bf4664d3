"""What becomes of an accepted message that cannot be delivered: words of traces and bounces."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import WATCH_TRACE

_CHECK_ROUTE = Text(
    "Check host, port and TLS mode where they are set: in the program or device that says so, or in Kairan's route (`kairan check-config`).",
    "ホスト、ポート、TLS 方式の設定を確認してください。該当するのは、このエラーを表示したプログラムや機器、または Kairan の配信経路です（`kairan check-config`）。",
)
_QUEUE_RETRY = Text(
    "When the cause is mended, do not wait for the next try: `kairan queue retry`.",
    "原因の解消後は、次の再試行を待たずに送信できます: `kairan queue retry`",
)

MESSAGE_EXPIRED = Outcome(
    "message-expired",
    550,
    "4.4.7",
    "QUEUE.Expired; message expired",
    when=Text(
        "Delivery was tried until the message's time was over; the sender gets a report.",
        "有効期間の終了まで配信を試みましたが届きませんでした。送信者に報告されます。",
    ),
    causes=(
        Text(
            "The next server was down, or refused for the time being, for days.",
            "次のサーバーが数日間停止していた、または一時的な拒否を続けました。",
        ),
    ),
    remedies=(
        Text(
            "The report names the last answer of that server: mend that, then send again.",
            "報告に記載されたサーバーの最後の応答を確認し、原因を解消してから再送してください。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.5 (X.4.7); code and text as Exchange writes them",
    speaker=Speaker.ANY,
)

NO_ROUTE = Outcome(
    "no-route",
    550,
    "5.4.4",
    "No route to the recipient domain",
    when=Text(
        "No route of the configuration takes this recipient, or its domain accepts no mail.",
        "設定のどの配信経路もこの受信者に該当しない、またはドメインがメールを受け付けていません。",
    ),
    causes=(
        Text(
            "The domain is accepted but has no route.",
            "承認済みドメインですが、配信経路がありません。",
        ),
        Text(
            "The domain has no MX and no address, or says by a null MX that it takes no mail.",
            "ドメインに MX もアドレスもない、または空の MX でメールを受け付けないと宣言しています。",
        ),
    ),
    remedies=(
        Text(
            "Add a route for the domain to the configuration: [[delivery.routes]].",
            "設定の [[delivery.routes]] にドメインの配信経路を追加してください。",
        ),
        _CHECK_ROUTE,
    ),
    source="RFC 3463 section 3.5 (X.4.4); RFC 7505 (null MX)",
    speaker=Speaker.KAIRAN,
)

HOST_NOT_PUBLIC = Outcome(
    "host-not-public",
    550,
    "5.4.4",
    "The mail server of the recipient domain is not on the Internet",
    when=Text(
        "The recipient's domain, or an address in brackets, leads to this machine or to a private network, and mail by `mx:` is not taken there; nothing was connected to.",
        "受信者のドメインまたは角かっこ付きアドレスが、このマシンまたはプライベート ネットワークを指しています。`mx:` ではそこへ配信せず、接続も行いません。",
    ),
    causes=(
        Text(
            "The domain takes no mail, and says so by an MX that points to 127.0.0.1.",
            "ドメインがメールを受け付けないことを、127.0.0.1 を指す MX で示しています。",
        ),
        Text(
            "Somebody tries to reach what is on the inside by a domain of his own.",
            "第三者が自分のドメインを使って内部のサーバーに接続させようとしています。",
        ),
        Text(
            "The organisation's own mail servers are inside, and no setting says so.",
            "組織のメール サーバーが内部にありますが、それを許可する設定がありません。",
        ),
    ),
    remedies=(
        Text(
            "Where mail servers are inside, name their networks in mx_networks_allowed of [transport], or give their domains a route by smtp://.",
            "内部のメール サーバーには、[transport] の mx_networks_allowed にネットワークを指定するか、ドメインに smtp:// の経路を設定してください。",
        ),
    ),
    source="RFC 3463 section 3.5 (X.4.4); RFC 6890",
    speaker=Speaker.KAIRAN,
)

DESTINATION_BUSY = Outcome(
    "destination-busy",
    451,
    "4.4.5",
    "Waiting for the destination; others are served meanwhile",
    when=Text(
        "More mail waits for this destination than it takes, so the rest waits on disk; it follows as the destination takes it.",
        "宛先が受け取れる量を超えるメールが待っているため、残りはディスクで待機し、宛先の受け取りに合わせて続きます。",
    ),
    causes=(
        Text(
            "The next server is slow, or has not answered yet.",
            "次のサーバーが遅い、またはまだ応答していません。",
        ),
        Text(
            "One application sent more at once than the destination can take.",
            "アプリケーションが宛先の処理能力を超える量を一度に送りました。",
        ),
    ),
    remedies=(
        Text(
            "Look how long the queue is: `kairan queue stats`; raise sessions_max in the route if the next server allows it.",
            "`kairan queue stats` で待ち行列の長さを確認してください。次のサーバーが許せば、経路の sessions_max を増やしてください。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.5 (X.4.5, mail system congestion)",
    speaker=Speaker.KAIRAN,
)

DESTINATION_PAUSED = Outcome(
    "destination-paused",
    451,
    "4.3.2",
    "Paused by an administrator",
    when=Text(
        "An administrator has paused this route or destination. Its mail is accepted and waits on disk; it does not expire meanwhile.",
        "管理者がこの経路または宛先への配信を一時停止しています。メールは受け付けられ、ディスク上で待機します。停止中に期限切れになることはありません。",
    ),
    causes=(
        Text(
            "`kairan queue pause`, for maintenance of the next server for example.",
            "次のサーバーの保守などのために `kairan queue pause` が実行されました。",
        ),
    ),
    remedies=(
        Text(
            "See what is paused, by whom and since when: `kairan status`. Then resume it: `kairan queue resume`.",
            "何が、誰によって、いつから停止されているかを `kairan status` で確認し、`kairan queue resume` で再開してください。",
        ),
    ),
    source="RFC 3463 section 3.4 (X.3.2, system not accepting network messages); rule ours",
    speaker=Speaker.KAIRAN,
)

PEER_UNREACHABLE = Outcome(
    "peer-unreachable",
    451,
    "4.4.1",
    "No answer from the next server",
    when=Text(
        "No connection to the next server could be made; where it was Kairan that tried, delivery is tried again.",
        "次のサーバーに接続できませんでした。Kairan の配信であれば再試行されます。",
    ),
    causes=(
        Text("The server is down.", "サーバーが停止しています。"),
        Text("A firewall lies between.", "間にファイアウォールがあります。"),
        Text("Host or port is wrong.", "ホストまたはポートが誤っています。"),
    ),
    remedies=(_CHECK_ROUTE, _QUEUE_RETRY),
    source="RFC 3463 section 3.5 (X.4.1)",
    speaker=Speaker.KAIRAN,
)

PEER_DROPPED = Outcome(
    "peer-dropped",
    451,
    "4.4.2",
    "The connection to the next server was lost",
    when=Text(
        "The next server closed the connection, or broke the protocol, before it had answered; delivery is tried again.",
        "応答の前に次のサーバーが切断した、またはプロトコルに違反しました。配信は再試行されます。",
    ),
    causes=(
        Text(
            "The server restarted, or closed a session it found too old.",
            "サーバーが再起動した、または古いセッションを閉じました。",
        ),
        Text(
            "A security device on the way cuts connections.",
            "経路上のセキュリティ機器が接続を切断しています。",
        ),
    ),
    remedies=(
        Text(
            "Nothing, if it happens now and then: the message may arrive twice, but not less than once.",
            "ときどき起こる程度なら対処は不要です。重複することはあっても失われることはありません。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.5 (X.4.2); RFC 1047 (why duplicates cannot be excluded)",
    speaker=Speaker.KAIRAN,
)

PEER_TLS_FAILED = Outcome(
    "peer-tls-failed",
    451,
    "4.7.5",
    "The next server offers no TLS that we trust",
    when=Text(
        "TLS is asked for; the next server does not offer it, or shows a certificate that does not hold for who connects: Kairan by its route, or a program or device.",
        "TLS が必須ですが、次のサーバーが対応していない、または接続する側（Kairan の経路、プログラム、機器）が証明書を検証できません。",
    ),
    causes=(
        Text("The certificate has expired.", "証明書の期限が切れています。"),
        Text(
            "The certificate is for another name, or its authority is not known here.",
            "証明書の名前が異なる、または発行元が登録されていません。",
        ),
        Text(
            "Something on the way takes STARTTLS out.",
            "経路上の何かが STARTTLS を取り除いています。",
        ),
    ),
    remedies=(
        Text(
            "Look at it: `openssl s_client -starttls smtp -connect HOST:PORT`.",
            "証明書を確認してください: `openssl s_client -starttls smtp -connect HOST:PORT`",
        ),
        Text(
            "Use a host name that stands in the certificate, and give whoever connects the authority's certificate: in Kairan's route, or in the certificate store of the program or device.",
            "証明書に含まれるホスト名を使い、接続する側に認証局の証明書を登録してください（Kairan の経路、またはプログラムや機器の証明書ストア）。",
        ),
    ),
    source="RFC 3463 section 3.8 (X.7.5)",
    speaker=Speaker.KAIRAN,
)

NAME_LOOKUP_FAILED = Outcome(
    "name-lookup-failed",
    451,
    "4.4.3",
    "The next server's name could not be looked up",
    when=Text(
        "DNS did not answer for the next server or the recipient's domain; delivery is tried again.",
        "次のサーバーまたは受信者ドメインの DNS 検索に失敗しました。配信は再試行されます。",
    ),
    causes=(
        Text("The resolver is down.", "DNS リゾルバーが停止しています。"),
        Text(
            "The domain's name servers do not answer.", "ドメインのネーム サーバーが応答しません。"
        ),
    ),
    remedies=(
        Text("Ask by hand: `dig MX DOMAIN`.", "手動で確認してください: `dig MX DOMAIN`"),
        _QUEUE_RETRY,
    ),
    source="RFC 3463 section 3.5 (X.4.3)",
    speaker=Speaker.KAIRAN,
)

MAILBOX_NOT_WRITABLE = Outcome(
    "mailbox-not-writable",
    451,
    "4.2.0",
    "The mailbox could not be written",
    when=Text(
        "A message could not be put into a Maildir; delivery is tried again.",
        "Maildir にメッセージを書き込めませんでした。配信は再試行されます。",
    ),
    causes=(
        Text("The disk is full.", "ディスクの空きがありません。"),
        Text(
            "The service may not write to the directory.",
            "サービスにディレクトリへの書き込み権限がありません。",
        ),
    ),
    remedies=(
        Text(
            "Check space and owner of the directory: `df -h DIR`, `ls -ld DIR`.",
            "空き容量と所有者を確認してください: `df -h DIR`、`ls -ld DIR`",
        ),
        _QUEUE_RETRY,
    ),
    source="RFC 3463 section 3.3 (X.2.0)",
    speaker=Speaker.KAIRAN,
)

INTERNAL_ERROR = Outcome(
    "internal-error",
    451,
    "4.3.0",
    "Internal error, the message is tried again",
    when=Text(
        "Delivery met a fault of its own while it worked on the message; nothing is lost.",
        "配信処理の内部エラーが発生しました。メッセージは失われていません。",
    ),
    causes=(
        Text(
            "A defect in Kairan, or a library that does not fit.",
            "Kairan の不具合、または適合しないライブラリが原因です。",
        ),
    ),
    remedies=(
        Text(
            "Report it with the traceback that stands in the service's log beside the message's id.",
            "サービスのログでメッセージ ID とともに記録されたトレースバックを添えて報告してください。",
        ),
    ),
    source="ours; RFC 3463 section 3.4 (X.3.0)",
    speaker=Speaker.KAIRAN,
)
