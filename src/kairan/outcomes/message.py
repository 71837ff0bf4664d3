"""What is wrong with the message itself."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import UPDATE_CLIENT

MESSAGE_TOO_LARGE = Outcome(
    "message-too-large",
    552,
    "5.3.4",
    "Message size exceeds fixed maximum message size",
    when=Text(
        "The message, as announced with SIZE or as sent, is larger than the limit (10 MB).",
        "SIZE で宣言された、または実際に送られたメッセージが上限（10 MB）を超えています。",
    ),
    causes=(
        Text(
            "Attachments: base64 makes them a third larger than the file.",
            "添付ファイルが原因です。base64 により元のファイルより約 3 分の 1 大きくなります。",
        ),
        Text(
            "A scanner set to colour, 600 dpi, one PDF for a whole stack.",
            "スキャナーがカラー 600 dpi、全ページ 1 つの PDF という設定です。",
        ),
    ),
    remedies=(
        Text(
            "Put the file on a share and send a link; or lower the resolution, or split the scan.",
            "ファイルは共有に置いてリンクを送るか、解像度を下げる、または分割してください。",
        ),
        Text(
            "In Kairan raise `message_octets_max` of the admission; HVE's limit is fixed.",
            "Kairan では admission の `message_octets_max` を引き上げられます（HVE の上限は変更できません）。",
        ),
    ),
    source="RFC 1870 section 6; RFC 3463 section 3.4 (X.3.4); limit: reported of HVE in 2026",
    speaker=Speaker.ANY,
)

HEADER_TOO_LARGE = Outcome(
    "header-too-large",
    552,
    "5.3.4",
    "Message header size exceeds fixed maximum size",
    when=Text(
        "The header of the message is larger than 256 KB.",
        "メッセージのヘッダーが 256 KB を超えています。",
    ),
    causes=(
        Text(
            "Thousands of addresses in To or Cc.",
            "To や Cc に数千件のアドレスが入っています。",
        ),
        Text(
            "The empty line between header and body is missing.",
            "ヘッダーと本文の間の空行がありません。",
        ),
    ),
    remedies=(
        Text(
            "Name the group in To, or 'undisclosed-recipients:;', not its members.",
            "To には個々のメンバーではなく、グループ名または「undisclosed-recipients:;」を書いてください。",
        ),
        UPDATE_CLIENT,
    ),
    source="Exchange Online limits (256 KB of header); RFC 3463 section 3.4",
    speaker=Speaker.KAIRAN,
)

BARE_LINE_ENDING = Outcome(
    "bare-line-ending",
    550,
    "5.6.11",
    "SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA",
    when=Text(
        "A line of the message ends in LF or CR alone, where SMTP wants CRLF.",
        "SMTP では CRLF であるべき行末が、LF または CR だけになっています。",
    ),
    causes=(
        Text(
            "A script writes '\\n' to the socket.",
            "スクリプトが「\\n」をそのまま送信しています。",
        ),
        Text(
            "A text file with Unix line ends was put into the message unencoded.",
            "Unix 改行のテキスト ファイルが符号化されずに本文へ入れられました。",
        ),
        Text(
            "An attempt to smuggle a second message past the server.",
            "別のメッセージを紛れ込ませる攻撃（SMTP スマグリング）です。",
        ),
    ),
    remedies=(
        Text(
            "Let a mail library write the message; in Python: `smtplib.SMTP.send_message`.",
            "メッセージの送信はメール ライブラリに任せてください（Python では `smtplib.SMTP.send_message`）。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 5321 section 2.3.8; code and text as Exchange writes them",
)

LOOP_DETECTED = Outcome(
    "loop-detected",
    554,
    "5.4.6",
    "Hop count exceeded - possible mail loop",
    when=Text(
        "The message has passed through so many servers that it must be going round in circles.",
        "メッセージが通過したサーバーの数が多すぎ、循環していると判断されました。",
    ),
    causes=(
        Text(
            "Two servers each take the other for the one in charge of the domain.",
            "2 台のサーバーが、互いに相手をそのドメインの担当とみなしています。",
        ),
        Text(
            "A forwarding rule points back to where the mail came from.",
            "転送ルールが送信元に戻す設定になっています。",
        ),
    ),
    remedies=(
        Text(
            "Read the Received headers from the bottom up: where names repeat is the loop.",
            "Received ヘッダーを下から順に読み、名前が繰り返される箇所を特定してください。",
        ),
        Text(
            "Check the routes: `kairan check-config`; in Microsoft 365 (5.4.14 or 5.4.6): accepted domain type and connectors.",
            "経路を確認してください: `kairan check-config`。Microsoft 365（5.4.14 または 5.4.6）では承認済みドメインの種類とコネクタを確認します。",
        ),
    ),
    source="RFC 5321 section 6.3; RFC 3463 section 3.5 (X.4.6)",
    speaker=Speaker.ANY,
)

ROUTING_LOOP = Outcome(
    "routing-loop",
    550,
    "5.4.14",
    "Hop count exceeded - possible mail loop",
    when=Text(
        "Exchange Online found the message going round in circles. Kairan says 554 5.4.6.",
        "Exchange Online がメッセージの循環を検出しました。Kairan は 554 5.4.6 を返します。",
    ),
    causes=(
        Text(
            "The domain's MX points to a system that sends the mail back.",
            "ドメインの MX が、メールを送り返すシステムを指しています。",
        ),
        Text(
            "The domain is an internal relay in Exchange Online and the other side does not know the recipient.",
            "ドメインが Exchange Online で内部の中継に設定され、相手側に受信者が存在しません。",
        ),
    ),
    remedies=(
        Text(
            "Make the domain authoritative where all its mailboxes are: `Set-AcceptedDomain DOMAIN -DomainType Authoritative`.",
            "すべてのメールボックスがある側で権限のあるドメインにしてください: `Set-AcceptedDomain DOMAIN -DomainType Authoritative`",
        ),
    ),
    source="Microsoft Support: Email non-delivery reports in Exchange Online",
)

NUL_IN_MESSAGE = Outcome(
    "nul-in-message",
    550,
    "5.6.0",
    "Message contains NUL, which cannot be sent unless BODY=BINARYMIME",
    when=Text(
        "The content has an octet 0 in it and was not announced as binary.",
        "本文にヌル文字（0x00）が含まれ、バイナリとして宣言されていません。",
    ),
    causes=(
        Text(
            "A file was put into the message unencoded, or as UTF-16.",
            "ファイルが符号化されずに、または UTF-16 のまま本文に入れられました。",
        ),
        Text(
            "A device fills its buffer with zeros and sends them too.",
            "機器がバッファーの余りのゼロまで送信しています。",
        ),
        Text(
            "An attempt to hide what stands behind the NUL from programs written in C.",
            "C で書かれたプログラムから NUL より後ろを隠す試みです。",
        ),
    ),
    remedies=(
        Text(
            "Encode the attachment with base64; a mail library does.",
            "添付ファイルを base64 で符号化してください（メール ライブラリを使えば自動です）。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 2045 sections 2.7 and 2.8; code and text ours",
    speaker=Speaker.KAIRAN,
)

ROW_MAKES_NO_MESSAGE = Outcome(
    "row-makes-no-message",
    554,
    "5.6.5",
    "No message can be made for this row",
    when=Text(
        "`kairan send` reads a row that does not fit its template. No server is asked.",
        "`kairan send` が読んだ行をテンプレートに当てはめられません。サーバーには接続しません。",
    ),
    causes=(
        Text(
            "A column is missing, or a value with a line end stands in the header.",
            "列が足りない、またはヘッダーに入る値に改行が含まれています。",
        ),
    ),
    remedies=(
        Text(
            "Mend the row and run the same command again: those who have it get nothing twice.",
            "行を直して同じコマンドをもう一度実行してください。送信済みの受信者には再送されません。",
        ),
    ),
    source="RFC 3463 section 3.7 (X.6.5)",
    speaker=Speaker.KAIRAN,
)

ROW_REPEATS_ADDRESS = Outcome(
    "row-repeats-address",
    554,
    "5.6.5",
    "This row's address has the message of another row",
    when=Text(
        "`kairan send` reads a second row for an address. No server is asked, and the first row's "
        "message is sent.",
        "`kairan send` が同じ宛先の 2 行目を読みました。サーバーには接続せず、最初の行のメッセージだけを送信します。",
    ),
    causes=(
        Text(
            "The data names somebody twice, as a query does that joins tables.",
            "データに同じ宛先が 2 回あります（テーブルを結合したクエリなど）。",
        ),
        Text(
            "They are to have two messages.",
            "同じ宛先に 2 通送るつもりのデータです。",
        ),
    ),
    remedies=(
        Text(
            "Take the row out, or put both into one row.",
            "その行を削除するか、2 行を 1 行にまとめてください。",
        ),
        Text(
            "Where they are to have two, send the other rows as a mailing of their own, with a "
            "journal of its own.",
            "2 通とも送る場合は、残りの行を別のジャーナルで別の一斉送信として送ってください。",
        ),
    ),
    source="RFC 3463 section 3.7 (X.6.5)",
    speaker=Speaker.KAIRAN,
)
