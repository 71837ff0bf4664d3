"""Listeners, TLS and the life of a session."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import TRY_LATER, UPDATE_CLIENT, USE_A_QUEUE

STARTTLS_REQUIRED = Outcome(
    "starttls-required",
    451,
    "5.7.3",
    "STARTTLS is required to send mail",
    when=Text(
        "The client began a mail, or a login, without having encrypted the connection.",
        "接続を暗号化しないまま、送信またはログインを始めました。",
    ),
    causes=(
        Text(
            "TLS is switched off in the device or application, or set to 'if available' and not tried.",
            "機器またはアプリケーションの TLS が無効、もしくは「可能な場合のみ」で実際には使われていません。",
        ),
        Text(
            "Something on the way hides STARTTLS from the client: a mail proxy, a firewall that inspects SMTP.",
            "経路上のメール プロキシや SMTP 検査機能付きファイアウォールが STARTTLS をクライアントから隠しています。",
        ),
    ),
    remedies=(
        Text(
            "Set the connection to STARTTLS on port 587, TLS 1.2 or later.",
            "接続方式を STARTTLS、ポート 587、TLS 1.2 以上に設定してください。",
        ),
        Text(
            "For a printer that cannot do TLS, open a listener of the role `device` for its network alone.",
            "TLS を使えないプリンターには、そのネットワークだけを許可する `device` ロールの受付口を用意してください。",
        ),
    ),
    source="RFC 3207 section 4 (reply for a server that insists on TLS); text as Exchange writes it",
)

TLS_ALREADY = Outcome(
    "tls-already",
    503,
    "5.5.1",
    "Already using TLS",
    when=Text(
        "STARTTLS came on a connection that is encrypted.",
        "暗号化済みの接続で STARTTLS が送られました。",
    ),
    causes=(
        Text(
            "The client speaks implicit TLS and STARTTLS at once.",
            "クライアントが暗黙的 TLS と STARTTLS を同時に使おうとしています。",
        ),
    ),
    remedies=(
        Text(
            "Choose one: STARTTLS (port 587) or implicit TLS ('SSL', where a listener for it is open).",
            "STARTTLS（ポート 587）か暗黙的 TLS（「SSL」、対応する受付口がある場合）のどちらか一方にしてください。",
        ),
    ),
    source="RFC 3207 section 4.2",
    speaker=Speaker.KAIRAN,
)

GREETING_TOO_EARLY = Outcome(
    "greeting-too-early",
    554,
    "5.5.0",
    "Client spoke before the greeting",
    when=Text(
        "Bytes came before our greeting had gone out.",
        "サーバーの最初の応答より前にデータが届きました。",
    ),
    causes=(
        Text(
            "The client speaks another protocol: implicit TLS ('SSL') on a STARTTLS port, or HTTP.",
            "別のプロトコルで接続しています。STARTTLS のポートへの暗黙的 TLS（「SSL」）接続や HTTP などです。",
        ),
        Text(
            "Spam software that does not wait for answers.",
            "応答を待たずに送信する迷惑メール ソフトウェアです。",
        ),
    ),
    remedies=(
        Text(
            "For port 587 choose STARTTLS, not 'SSL/TLS' or 'wrapper'.",
            "ポート 587 では「SSL/TLS」や「wrapper」ではなく STARTTLS を選んでください。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 5321 section 3.1 (a client waits for the greeting); code ours",
    speaker=Speaker.KAIRAN,
)

PROXY_REQUIRED = Outcome(
    "proxy-required",
    421,
    "4.7.0",
    "PROXY header required",
    when=Text(
        "A peer listed as a load balancer opened a connection without a valid PROXY header.",
        "ロード バランサーとして登録された接続元から、正しい PROXY ヘッダーなしで接続されました。",
    ),
    causes=(
        Text(
            "The load balancer does not send the PROXY protocol, or its health check does not.",
            "ロード バランサー、またはそのヘルス チェックが PROXY プロトコルを送信していません。",
        ),
        Text(
            "`proxy_from` lists a network that clients also come from directly.",
            "`proxy_from` に、クライアントが直接接続してくるネットワークが含まれています。",
        ),
    ),
    remedies=(
        Text(
            "Switch on PROXY protocol v1 or v2 in the load balancer, for health checks too.",
            "ロード バランサーで PROXY プロトコル v1 または v2 を有効にしてください（ヘルス チェックも含む）。",
        ),
        Text(
            "List in the listener's `proxy_from` nothing but the load balancer's own addresses.",
            "リスナーの `proxy_from` には、ロード バランサー自身のアドレスだけを指定してください。",
        ),
    ),
    source="HAProxy PROXY protocol section 2 (a receiver must not guess); code ours",
    speaker=Speaker.KAIRAN,
)

DEVICE_NOT_LISTED = Outcome(
    "device-not-listed",
    550,
    "5.7.1",
    "Source address is not a listed device",
    when=Text(
        "A client without login came to a device listener from a network that the listener does not list.",
        "device ロールの受付口に、登録されていないネットワークからログインなしで接続されました。",
    ),
    causes=(
        Text(
            "The printer has moved to another network or got another address.",
            "プリンターが別のネットワークに移った、またはアドレスが変わりました。",
        ),
        Text(
            "Address translation between printer and service hides the printer's own address.",
            "プリンターとサービスの間のアドレス変換により、プリンター自身のアドレスが見えていません。",
        ),
    ),
    remedies=(
        Text(
            "Add the device, or its network, and the account that it sends as: `kairan device add mfp-3f --account printer@example.com --network 10.1.2.7`.",
            "機器またはそのネットワークと、送信に使うアカウントを登録してください: `kairan device add mfp-3f --account printer@example.com --network 10.1.2.7`",
        ),
        Text(
            "Or let the device log in with a user name and password.",
            "または、機器側でユーザー名とパスワードによるログインを設定してください。",
        ),
    ),
    source="RFC 3463 section 3.8 (X.7.1, delivery not authorized); rule ours",
    speaker=Speaker.KAIRAN,
)

DEVICE_DISABLED = Outcome(
    "device-disabled",
    550,
    "5.7.1",
    "This device is disabled",
    when=Text(
        "A device came to a device listener from its own address, and the directory has it disabled.",
        "無効にされた機器が、登録済みのアドレスから device ロールの受付口に接続しました。",
    ),
    causes=(
        Text(
            "An administrator disabled it, because it was lost, sold or misused.",
            "紛失、売却、不正使用などの理由で、管理者がこの機器を無効にしました。",
        ),
        Text(
            "Another machine has got its address.",
            "別の機器が、この機器のアドレスを引き継ぎました。",
        ),
    ),
    remedies=(
        Text(
            "Enable it again: `kairan device set NAME --enabled`.",
            "再び有効にしてください: `kairan device set NAME --enabled`",
        ),
        Text(
            "Give the other machine an entry of its own: `kairan device list` shows whose the address is.",
            "別の機器であれば、その機器を登録してください。アドレスの登録先は `kairan device list` で確認できます。",
        ),
    ),
    source="RFC 3463 section 3.8 (X.7.1, delivery not authorized); rule ours",
    speaker=Speaker.KAIRAN,
)

TOO_MANY_CONNECTIONS = Outcome(
    "too-many-connections",
    421,
    "4.3.2",
    "Too many connections, try again later",
    when=Text(
        "The server, or one source address, has as many connections open as it may.",
        "サーバー全体、または 1 つの接続元アドレスの同時接続数が上限に達しています。",
    ),
    causes=(
        Text(
            "An application opens a connection for each message and does not close it.",
            "アプリケーションがメッセージごとに接続を開き、閉じていません。",
        ),
        Text(
            "Many clients stand behind one address (address translation).",
            "アドレス変換により、多数のクライアントが 1 つのアドレスから接続しています。",
        ),
        Text("Somebody floods the listener.", "大量接続による攻撃を受けています。"),
    ),
    remedies=(
        Text(
            "Let the application hold one session and send its messages one after another.",
            "1 つのセッションを維持し、メッセージを順に送信するようアプリケーションを設定してください。",
        ),
        Text(
            "Raise `connections_per_address_max` or `connections_max` of the intake if this load is wanted.",
            "想定どおりの負荷であれば、intake の `connections_per_address_max` または `connections_max` を引き上げてください。",
        ),
        TRY_LATER,
    ),
    source="RFC 5321 section 3.8 (421); limit ours",
    speaker=Speaker.KAIRAN,
)

SHUTTING_DOWN = Outcome(
    "shutting-down",
    421,
    "4.3.2",
    "Service not available",
    when=Text(
        "The service is stopping or restarting; running transactions may still finish.",
        "サービスが停止または再起動中です。実行中のトランザクションは完了できます。",
    ),
    causes=(
        Text("An administrator restarts or updates it.", "管理者が再起動または更新しています。"),
    ),
    remedies=(TRY_LATER, USE_A_QUEUE),
    source="RFC 5321 section 3.8",
    speaker=Speaker.KAIRAN,
)

DRAINING = Outcome(
    "draining",
    421,
    "4.3.2",
    "Service is being drained, no new mail is accepted",
    when=Text(
        "An administrator lets the queue run empty: nothing new is accepted, what is stored is delivered.",
        "管理者がキューを空にしています。新しいメールは受け付けず、受け付け済みのメールの配信だけを続けます。",
    ),
    causes=(
        Text(
            "`kairan drain begin`, before maintenance or a move to another machine.",
            "保守や別のマシンへの移行の前に `kairan drain begin` が実行されました。",
        ),
    ),
    remedies=(
        Text(
            "See who began it and what is left: `kairan status`. End it: `kairan drain end`.",
            "誰が開始したか、何が残っているかを `kairan status` で確認し、`kairan drain end` で終了してください。",
        ),
        TRY_LATER,
        USE_A_QUEUE,
    ),
    source="RFC 5321 section 3.8 (421); RFC 3463 section 3.4 (X.3.2)",
    speaker=Speaker.KAIRAN,
)

IDLE_TIMEOUT = Outcome(
    "idle-timeout",
    421,
    "4.4.1",
    "Connection timed out",
    when=Text(
        "The client was silent for longer than a session may wait, or a message took too long to arrive.",
        "クライアントの無通信時間、またはメッセージの受信時間が上限を超えました。",
    ),
    causes=(
        Text(
            "A pooled connection was left open with nothing to send.",
            "プールされた接続が、送信するものがないまま開かれていました。",
        ),
        Text(
            "A slow or broken line, or a firewall that drops idle connections silently.",
            "回線が遅い・不安定、またはファイアウォールがアイドル接続を通知なく切断しています。",
        ),
    ),
    remedies=(
        Text(
            "Let the client open a new session when the old one has ended; nothing is lost.",
            "セッションが終了したら、新しいセッションを開いてください。失われるものはありません。",
        ),
        Text(
            "For large messages over slow lines raise `transaction_timeout_seconds` of the intake, or lower its `upload_octets_per_second_min`.",
            "低速回線で大きなメッセージを送る場合は、intake の `transaction_timeout_seconds` を引き上げるか、`upload_octets_per_second_min` を引き下げてください。",
        ),
    ),
    source="RFC 5321 section 4.5.3.2.7; RFC 3463 section 3.5 (X.4.1)",
    speaker=Speaker.KAIRAN,
)

TOO_MANY_ERRORS = Outcome(
    "too-many-errors",
    421,
    "4.7.0",
    "Too many errors on this connection, closing transmission channel",
    when=Text(
        "One session collected more refused commands than it may.",
        "1 つのセッション内で拒否されたコマンドの数が上限を超えました。",
    ),
    causes=(
        Text(
            "A list of recipients with many unknown addresses.",
            "宛先一覧に存在しないアドレスが多数含まれています。",
        ),
        Text(
            "A password or address tried over and over in one session.",
            "同じセッションでパスワードやアドレスが繰り返し試されています。",
        ),
    ),
    remedies=(
        Text(
            "Look at the first refusal of the session: the later ones usually follow from it.",
            "セッション内の最初の拒否応答を確認してください。後続の拒否はたいていその結果です。",
        ),
        Text(
            "Clean the list of recipients before sending to it.",
            "送信前に宛先一覧を整理してください。",
        ),
    ),
    source="RFC 5321 section 3.8 (421); limit ours",
    speaker=Speaker.KAIRAN,
)

TOO_MANY_IDLE_COMMANDS = Outcome(
    "too-many-idle-commands",
    421,
    "4.7.0",
    "Too many commands without a message, closing transmission channel",
    when=Text(
        "A session repeats NOOP, RSET and the like, or logins that are put off, without ever "
        "sending a message.",
        "メッセージを送信せずに NOOP や RSET など、または延期されるログインを繰り返しています。",
    ),
    causes=(
        Text(
            "A connection pool keeps its connections alive with NOOP.",
            "接続プールが NOOP で接続を維持し続けています。",
        ),
        Text(
            "A monitor probes too often over one connection.",
            "監視ツールが 1 つの接続で過剰に確認しています。",
        ),
    ),
    remedies=(
        Text(
            "Let the pool close idle connections and open new ones when needed.",
            "プールのアイドル接続を閉じ、必要なときに開き直す設定にしてください。",
        ),
        Text(
            "Raise `idle_commands_max` of the intake.",
            "intake の `idle_commands_max` を引き上げてください。",
        ),
    ),
    source="ours; RFC 5321 section 4.1.1.9 lets a client send NOOP, not for ever",
    speaker=Speaker.KAIRAN,
)
