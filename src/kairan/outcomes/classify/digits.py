"""What the digits of a reply say by themselves, where its words are none that we know.

RFC 3463 sections 3 and 4 and IANA's registry of further details (RFC 5248), RFC 5321 section 4.2.1
for a reply without an enhanced code.
"""

from collections.abc import Iterator, Mapping

from kairan.outcomes.outcome import Text

_CLASSES: Mapping[str, Text] = {
    "4": Text(
        "4: a failure for the time being; the message may be sent again as it is.",
        "4: 一時的な失敗です。同じメッセージを後で再送できます。",
    ),
    "5": Text(
        "5: a failure for good; sending again without a change will fail again.",
        "5: 恒久的な失敗です。何かを変更しない限り、再送しても失敗します。",
    ),
}

_SUBJECTS: Mapping[str, Text] = {
    "0": Text("0: no subject is given.", "0: 対象は示されていません。"),
    "1": Text("1: it is about an address.", "1: アドレスに関するものです。"),
    "2": Text("2: it is about a mailbox.", "2: メールボックスに関するものです。"),
    "3": Text(
        "3: it is about the receiving mail system.", "3: 受信側のメール システムに関するものです。"
    ),
    "4": Text("4: it is about network or routing.", "4: ネットワークまたは経路に関するものです。"),
    "5": Text("5: it is about the SMTP dialogue.", "5: SMTP のやり取りに関するものです。"),
    "6": Text("6: it is about the message's content.", "6: メッセージの内容に関するものです。"),
    "7": Text(
        "7: it is about security or policy.", "7: セキュリティまたはポリシーに関するものです。"
    ),
}

_DETAILS: Mapping[str, Text] = {
    "1.1": Text("The mailbox does not exist.", "メールボックスが存在しません。"),
    "1.2": Text(
        "The domain does not exist or takes no mail.",
        "ドメインが存在しない、またはメールを受け付けません。",
    ),
    "1.3": Text("The recipient's address is malformed.", "宛先アドレスの書式が正しくありません。"),
    "1.4": Text("The address fits several recipients.", "アドレスが複数の受信者に該当します。"),
    "1.6": Text(
        "The mailbox has moved; no new address is known.",
        "メールボックスは移転し、新しいアドレスは不明です。",
    ),
    "1.7": Text("The sender's address is malformed.", "送信者アドレスの書式が正しくありません。"),
    "1.8": Text(
        "The sender's domain or address is not acceptable.",
        "送信者のドメインまたはアドレスが受け付けられません。",
    ),
    "1.10": Text(
        "The recipient's domain takes no mail at all (null MX).",
        "宛先ドメインはメールを受け付けません（null MX）。",
    ),
    "2.1": Text("The mailbox is disabled.", "メールボックスが無効です。"),
    "2.2": Text("The mailbox is full.", "メールボックスがいっぱいです。"),
    "2.3": Text(
        "The message is too long for this mailbox.",
        "このメールボックスの上限より大きいメッセージです。",
    ),
    "2.4": Text("The list could not be expanded.", "配布リストを展開できませんでした。"),
    "3.1": Text("The mail system's disk is full.", "メール システムの保存領域が不足しています。"),
    "3.2": Text(
        "The mail system takes no messages just now.",
        "メール システムは現在メッセージを受け付けていません。",
    ),
    "3.3": Text(
        "The system cannot do what the message asks for.",
        "メッセージに必要な機能にシステムが対応していません。",
    ),
    "3.4": Text(
        "The message is too large for this system.", "このシステムの上限より大きいメッセージです。"
    ),
    "3.5": Text("The system is set up wrongly.", "システムの構成に誤りがあります。"),
    "4.1": Text("The next host does not answer.", "次のホストが応答しません。"),
    "4.2": Text("The connection broke.", "接続が切断されました。"),
    "4.3": Text(
        "The directory or name server failed.", "ディレクトリまたはネーム サーバーの障害です。"
    ),
    "4.4": Text("No route to the destination is known.", "宛先への経路が不明です。"),
    "4.5": Text("The mail system is congested.", "メール システムが混雑しています。"),
    "4.6": Text("The message runs in a loop.", "メッセージがループしています。"),
    "4.7": Text("The message waited too long and expired.", "配信待ちの期限が切れました。"),
    "5.1": Text(
        "The command is not allowed here or not known.",
        "この時点では許可されない、または未知のコマンドです。",
    ),
    "5.2": Text("The command's syntax is wrong.", "コマンドの構文が正しくありません。"),
    "5.3": Text("Too many recipients for one message.", "1 通あたりの受信者が多すぎます。"),
    "5.4": Text("The command's arguments are not valid.", "コマンドの引数が無効です。"),
    "5.6": Text("A line of the login is too long.", "認証データの行が長すぎます。"),
    "6.1": Text("The kind of content is not accepted.", "この種類の内容は受け付けられません。"),
    "6.2": Text(
        "The content would have to be converted, which is not allowed.",
        "内容の変換が必要ですが、許可されていません。",
    ),
    "6.3": Text(
        "The content would have to be converted, which is not possible.",
        "内容の変換が必要ですが、対応していません。",
    ),
    "6.7": Text(
        "The next server knows no internationalised addresses.",
        "次のサーバーが国際化アドレスに対応していません。",
    ),
    "7.1": Text(
        "You may not send this: policy, spam filter or missing right.",
        "送信が許可されていません（ポリシー、迷惑メール判定、権限不足）。",
    ),
    "7.2": Text("You may not send to this list.", "このリストへの送信は許可されていません。"),
    "7.4": Text(
        "The security feature asked for is not supported.",
        "要求されたセキュリティ機能に対応していません。",
    ),
    "7.5": Text("Encryption failed.", "暗号化に失敗しました。"),
    "7.8": Text("User name or password is wrong.", "ユーザー名またはパスワードが誤っています。"),
    "7.9": Text("The login mechanism is too weak.", "認証方式の強度が不足しています。"),
    "7.10": Text("Encryption is needed.", "暗号化が必要です。"),
    "7.11": Text(
        "Encryption is needed for this login mechanism.", "この認証方式には暗号化が必要です。"
    ),
    "7.13": Text("The account is disabled.", "アカウントが無効です。"),
    "7.20": Text(
        "The message carries no DKIM signature that passes.", "有効な DKIM 署名がありません。"
    ),
    "7.23": Text("The SPF check failed.", "SPF の検証に失敗しました。"),
    "7.25": Text(
        "The sending address has no proper reverse DNS.",
        "送信元アドレスの逆引きが正しくありません。",
    ),
    "7.26": Text(
        "SPF, DKIM and DMARC all failed.", "SPF、DKIM、DMARC の検証がいずれも失敗しました。"
    ),
    "7.28": Text("Too much mail comes from this source.", "この送信元からのメールが多すぎます。"),
}

# RFC 5321 section 4.2.1, second digit.
_AREAS: Mapping[str, Text] = {
    "0": Text("x0z: it is about the command's syntax.", "x0z: コマンドの構文に関するものです。"),
    "2": Text("x2z: it is about the connection.", "x2z: 接続に関するものです。"),
    "3": Text("x3z: it is about the login.", "x3z: 認証に関するものです。"),
    "5": Text("x5z: it is about the mail system.", "x5z: メール システムに関するものです。"),
}

_OF_ITS_OWN = Text(
    "The number is this server's own: the standard does not define it.",
    "末尾の番号はサーバー独自のものです（標準では定義されていません）。",
)
# The last detail of each subject in IANA's registry of enhanced codes (2024-11).
_DETAIL_MAX = {"0": 0, "1": 10, "2": 4, "3": 6, "4": 7, "5": 6, "6": 10, "7": 30}


def is_standard(enhanced: str) -> bool:
    """False: the number is one of the server's own."""
    _, subject, detail = enhanced.split(".")
    return int(detail) <= _DETAIL_MAX.get(subject, 0)


def meaning_of_digits(code: int | None, enhanced: str) -> Iterator[Text]:
    """Nothing where there are no digits."""
    if enhanced:
        yield from _enhanced_meaning(enhanced)
    elif code:
        first, second = str(code)[0], str(code)[1]
        yield _CLASSES[first]
        if second in _AREAS:
            yield _AREAS[second]


def _enhanced_meaning(enhanced: str) -> Iterator[Text]:
    kind, subject, detail = enhanced.split(".")
    yield _CLASSES[kind]
    if subject in _SUBJECTS:
        yield _SUBJECTS[subject]
    if f"{subject}.{detail}" in _DETAILS:
        yield _DETAILS[f"{subject}.{detail}"]
    elif not is_standard(enhanced):
        yield _OF_ITS_OWN
