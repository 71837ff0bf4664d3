"""Commands out of order, unknown or badly written."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import FIX_ADDRESS, UPDATE_CLIENT

_CLIENT_BUG = Text(
    "A fault in the sending software, or a script that talks SMTP by hand.",
    "送信ソフトウェアの不具合、または手書きの SMTP スクリプトの誤りです。",
)
_REFUSED_BEFORE = Text(
    "An earlier command of the session was refused and the client went on regardless.",
    "それ以前のコマンドが拒否されたのに、クライアントがそのまま続行しました。",
)
_READ_FIRST_REFUSAL = Text(
    "Read the session's first refusal in the log: this one follows from it.",
    "ログでセッション最初の拒否応答を確認してください。この応答はその結果です。",
)

BAD_SEQUENCE = Outcome(
    "bad-sequence",
    503,
    "5.5.1",
    "Bad sequence of commands",
    when=Text(
        "A command came at a moment when it makes no sense.",
        "その時点では意味をなさないコマンドが送られました。",
    ),
    causes=(_REFUSED_BEFORE, _CLIENT_BUG),
    remedies=(_READ_FIRST_REFUSAL, UPDATE_CLIENT),
    source="RFC 5321 section 4.1.4",
    speaker=Speaker.ANY,
)

NEED_MAIL = Outcome(
    "need-mail",
    503,
    "5.5.2",
    "Need mail command",
    when=Text(
        "RCPT, DATA or BDAT came with no sender given.",
        "送信者が指定されないまま RCPT、DATA、BDAT が送られました。",
    ),
    causes=(
        Text(
            "MAIL FROM was refused and the client went on regardless.",
            "MAIL FROM が拒否されたのに、クライアントが続行しました。",
        ),
        _CLIENT_BUG,
    ),
    remedies=(_READ_FIRST_REFUSAL, UPDATE_CLIENT),
    source="RFC 5321 section 3.3; text as Exchange writes it",
)

NEED_RCPT = Outcome(
    "need-rcpt",
    503,
    "5.5.2",
    "Need rcpt command",
    when=Text(
        "DATA or BDAT came with no recipient accepted.",
        "受け入れられた受信者がないまま DATA または BDAT が送られました。",
    ),
    causes=(
        Text(
            "Every recipient was refused and the client went on regardless.",
            "すべての受信者が拒否されたのに、クライアントが続行しました。",
        ),
        _CLIENT_BUG,
    ),
    remedies=(_READ_FIRST_REFUSAL, UPDATE_CLIENT),
    source="RFC 5321 section 3.3; text as Exchange writes it",
)

COMMAND_UNKNOWN = Outcome(
    "command-unknown",
    500,
    "5.3.3",
    "Unrecognized command",
    when=Text("A line is no SMTP command that we know.", "SMTP コマンドとして認識できない行です。"),
    causes=(
        Text(
            "Another protocol on the SMTP port: a browser, implicit TLS, a port scanner.",
            "SMTP ポートに別のプロトコル（ブラウザー、暗黙的 TLS、ポート スキャナーなど）で接続しています。",
        ),
        Text(
            "The client lost step: message lines are being read as commands.",
            "クライアントとの同期がずれ、本文の行がコマンドとして読まれています。",
        ),
    ),
    remedies=(
        Text(
            "Check protocol, port and TLS mode of the client: SMTP, 587, STARTTLS.",
            "クライアントのプロトコル、ポート、TLS 方式（SMTP、587、STARTTLS）を確認してください。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 5321 section 4.2.4; code as Exchange writes it",
)

COMMAND_NOT_IMPLEMENTED = Outcome(
    "command-not-implemented",
    502,
    "5.5.1",
    "Command not implemented",
    when=Text(
        "The command is SMTP, but this service does not offer it.",
        "SMTP のコマンドですが、このサービスでは提供していません。",
    ),
    causes=(
        Text(
            "The client uses EXPN, TURN or another command that nobody should need to send mail.",
            "クライアントが EXPN や TURN など、送信に不要なコマンドを使っています。",
        ),
    ),
    remedies=(
        Text(
            "Let the client use only what EHLO offers.",
            "EHLO で提示された機能だけを使うようにしてください。",
        ),
    ),
    source="RFC 5321 section 4.2.4, 7.3 (EXPN may be switched off)",
    speaker=Speaker.KAIRAN,
)

SYNTAX_ERROR = Outcome(
    "syntax-error",
    501,
    "5.5.4",
    "Invalid arguments",
    when=Text(
        "The command is known, what follows it is not well formed.",
        "コマンドは正しいものの、引数の書式に誤りがあります。",
    ),
    causes=(
        Text(
            "A host name with blanks or underscores that are not allowed in EHLO, or no name at all.",
            "EHLO のホスト名が空、または空白などの使えない文字を含んでいます。",
        ),
        _CLIENT_BUG,
    ),
    remedies=(
        Text(
            "Give the device a plain host name: letters, digits, hyphens, dots.",
            "機器のホスト名を英数字、ハイフン、ピリオドだけにしてください。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 5321 section 4.3.2; RFC 3463 section 3.6 (X.5.4)",
    speaker=Speaker.ANY,
)

PARAMETER_UNKNOWN = Outcome(
    "parameter-unknown",
    555,
    "5.5.4",
    "Unsupported parameter",
    when=Text(
        "MAIL or RCPT carries a parameter that we did not offer.",
        "MAIL または RCPT に、提示していないパラメーターが付いています。",
    ),
    causes=(
        Text(
            "The client assumes an extension without reading the EHLO reply.",
            "クライアントが EHLO の応答を確認せずに拡張機能を使っています。",
        ),
        Text(
            "The client greeted with HELO and uses extensions all the same.",
            "HELO で開始したにもかかわらず拡張機能を使っています。",
        ),
    ),
    remedies=(
        Text(
            "Switch the extension off in the client, or let it greet with EHLO.",
            "クライアントでその拡張機能を無効にするか、EHLO を使う設定にしてください。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 5321 section 4.1.1.11",
    speaker=Speaker.ANY,
)

LINE_TOO_LONG = Outcome(
    "line-too-long",
    500,
    "5.5.2",
    "Line too long",
    when=Text(
        "A command line is longer than SMTP allows.", "コマンド行が SMTP の上限を超えています。"
    ),
    causes=(
        Text(
            "The client lost step and sends message lines as commands.",
            "クライアントとの同期がずれ、本文の行がコマンドとして送られています。",
        ),
        Text("Another protocol on the SMTP port.", "SMTP ポートに別のプロトコルで接続しています。"),
    ),
    remedies=(UPDATE_CLIENT,),
    source="RFC 5321 section 4.5.3.1.4, 4.5.3.1.9",
    speaker=Speaker.KAIRAN,
)

SENDER_INVALID = Outcome(
    "sender-invalid",
    501,
    "5.1.7",
    "Invalid address",
    when=Text(
        "What MAIL FROM names is no address.",
        "MAIL FROM に指定された値がメール アドレスではありません。",
    ),
    causes=(
        Text(
            "The device's sender field holds a name, a user name without domain, or white space.",
            "機器の差出人欄に名前、ドメインのないユーザー名、または空白が入っています。",
        ),
    ),
    remedies=(FIX_ADDRESS,),
    source="RFC 5321 section 4.1.2; RFC 3463 section 3.2 (X.1.7)",
    speaker=Speaker.ANY,
)

RECIPIENT_INVALID = Outcome(
    "recipient-invalid",
    501,
    "5.1.3",
    "Invalid address",
    when=Text(
        "What RCPT TO names is no address.",
        "RCPT TO に指定された値がメール アドレスではありません。",
    ),
    causes=(
        Text(
            "An address book entry or CSV column with a typing error or several addresses in one field.",
            "アドレス帳や CSV の列に入力ミスがある、または 1 つの欄に複数のアドレスが入っています。",
        ),
    ),
    remedies=(FIX_ADDRESS,),
    source="RFC 5321 section 4.1.2; RFC 3463 section 3.2 (X.1.3)",
    speaker=Speaker.ANY,
)

SMTPUTF8_NEEDED = Outcome(
    "smtputf8-needed",
    553,
    "5.6.7",
    "SMTPUTF8 is required for this address",
    when=Text(
        "An address holds letters beyond ASCII, and the client did not ask for SMTPUTF8.",
        "アドレスに ASCII 以外の文字が含まれていますが、SMTPUTF8 が要求されていません。",
    ),
    causes=(
        Text(
            "A typing error: a full-width letter or an accent in the address.",
            "入力ミスです。アドレスに全角文字やアクセント記号が混ざっています。",
        ),
        Text(
            "The address is meant so, and the client does not know internationalised addresses.",
            "意図した国際化アドレスですが、クライアントが対応していません。",
        ),
    ),
    remedies=(
        FIX_ADDRESS,
        Text(
            "Use the recipient's ASCII alias, or a client that knows SMTPUTF8.",
            "受信者の ASCII の別名を使うか、SMTPUTF8 対応のクライアントを使ってください。",
        ),
    ),
    source="RFC 6531 section 3.5",
    speaker=Speaker.ANY,
)

BINARY_NEEDS_BDAT = Outcome(
    "binary-needs-bdat",
    503,
    "5.5.1",
    "BODY=BINARYMIME requires BDAT",
    when=Text(
        "A message announced as binary is sent with DATA.",
        "バイナリと宣言されたメッセージを DATA で送ろうとしました。",
    ),
    causes=(_CLIENT_BUG,),
    remedies=(
        Text(
            "Send it with BDAT, or encode it (base64, quoted-printable) and leave out BODY=BINARYMIME.",
            "BDAT で送信するか、base64 などで符号化して BODY=BINARYMIME を外してください。",
        ),
    ),
    source="RFC 3030 section 3",
    speaker=Speaker.KAIRAN,
)

BDAT_SYNTAX = Outcome(
    "bdat-syntax",
    501,
    "5.5.4",
    "Invalid BDAT arguments",
    when=Text(
        "BDAT is not followed by a size, or by something other than LAST behind it.",
        "BDAT の後のサイズ指定がない、または LAST 以外の語が続いています。",
    ),
    causes=(_CLIENT_BUG,),
    remedies=(
        Text(
            "Switch CHUNKING off in the client; DATA does the same.",
            "クライアントの CHUNKING を無効にしてください。DATA で同じことができます。",
        ),
        UPDATE_CLIENT,
    ),
    source="RFC 3030 section 2",
    speaker=Speaker.KAIRAN,
)
