"""May you send as this: the envelope's sender and the header's From."""

from kairan.outcomes.outcome import Outcome, Speaker, Text

_NDR_TABLE = "Microsoft Support: Email non-delivery reports in Exchange Online"
_HEARSAY = (
    "reported by one user of HVE (github.com/ercankskn/postfix-entra-relay, 2026); unconfirmed"
)

_OTHER_FROM = Text(
    "The device's sender field holds another address than the account it logs in with.",
    "機器の差出人欄に、ログインするアカウントとは別のアドレスが設定されています。",
)
_USERS_OWN_FROM = Text(
    "The application sends in the name of its users.",
    "アプリケーションが利用者の名義で送信しています。",
)
_USE_OWN_ADDRESS = Text(
    "Set the sender to the account's primary address or one of its aliases; put the person into Reply-To.",
    "差出人をアカウントのプライマリ アドレスまたは別名にし、個人のアドレスは Reply-To に入れてください。",
)
_ADD_ALIAS = Text(
    "Add the address to the account: `kairan account set ADDRESS --add-alias OTHER`; in Microsoft 365: `Set-MailUser ADDRESS -EmailAddresses @{add='OTHER'}`.",
    "アドレスをアカウントに追加してください: `kairan account set ADDRESS --add-alias OTHER`。Microsoft 365 では `Set-MailUser ADDRESS -EmailAddresses @{add='OTHER'}`",
)
_SEND_AS = Text(
    "For an ordinary mailbox grant the right: `Add-RecipientPermission OTHER -Trustee ADDRESS -AccessRights SendAs`.",
    "通常のメールボックスではアクセス許可を付与してください: `Add-RecipientPermission OTHER -Trustee ADDRESS -AccessRights SendAs`",
)

SENDER_NOT_YOURS = Outcome(
    "sender-not-yours",
    550,
    "5.7.60",
    "SMTP; Client does not have permissions to send as this sender",
    when=Text(
        "MAIL FROM names an address that does not belong to the account.",
        "MAIL FROM に、アカウントに属さないアドレスが指定されました。",
    ),
    causes=(_OTHER_FROM, _USERS_OWN_FROM),
    remedies=(_USE_OWN_ADDRESS, _ADD_ALIAS, _SEND_AS),
    source="Microsoft Support: Fix issues with printers, scanners and LOB applications; basic code ours",
)

HEADER_FROM_NOT_YOURS = Outcome(
    "header-from-not-yours",
    554,
    "5.2.252",
    "SendAsDenied; the From header names an address this account may not send as",
    when=Text(
        "The envelope's sender is right, but the message's From header names an address of somebody else.",
        "エンベロープの送信者は正しいものの、From ヘッダーが他人のアドレスになっています。",
    ),
    causes=(
        _USERS_OWN_FROM,
        Text(
            "From, Sender and the login were set in different places of the application.",
            "From、Sender、ログインがアプリケーションの別々の設定になっています。",
        ),
    ),
    remedies=(_USE_OWN_ADDRESS, _ADD_ALIAS, _SEND_AS),
    source="seen on the wire of Exchange Online, 2025-11 (code and SendAsDenied; rest of the text ours)",
)

FROM_INVALID = Outcome(
    "from-invalid",
    550,
    "5.7.512",
    "Access denied, message must be RFC 5322 section 3.6.2 compliant",
    when=Text(
        "The message has no From header, more than one, or one that cannot be read.",
        "From ヘッダーがない、複数ある、または解釈できません。",
    ),
    causes=(
        Text(
            "A printer writes a display name in which a second address can be read, or leaves the angle brackets out. The reply names the characters that are not quoted.",
            "プリンターの表示名から別のアドレスも読み取れる、または山かっこが省かれています。引用符で囲まれていない文字は応答に示されます。",
        ),
        Text(
            "A script builds the message by hand and forgets From.",
            "スクリプトがメッセージを組み立てる際に From を忘れています。",
        ),
        Text(
            "An attempt to show a forged sender with two From headers.",
            "From ヘッダーを 2 つ付けて差出人を偽る試みです。",
        ),
    ),
    remedies=(
        Text(
            'Write the header as From: "Name" <address>, once; leave the display name empty where the device cannot quote it.',
            'ヘッダーは From: "Name" <address> の形で 1 つだけ書いてください。機器が引用符に対応しない場合は表示名を空にしてください。',
        ),
    ),
    source=_NDR_TABLE + " (5.7.512); RFC 5322 section 3.6.2",
)

SENDER_THROTTLED_FOR_SEND_AS = Outcome(
    "sender-throttled-for-send-as",
    550,
    "5.2.252",
    "Sender throttled due to continuous send as denied errors",
    when=Text(
        "Exchange Online has slowed a mailbox down because it kept sending as somebody else. Kairan never says this.",
        "他人名義の送信を繰り返したため、Exchange Online がメールボックスを制限しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "Refused messages are sent again and again, unchanged.",
            "拒否されたメッセージが同じ内容で再送され続けています。",
        ),
    ),
    remedies=(
        _USE_OWN_ADDRESS,
        Text(
            "Stop the application until its sender is corrected; the block lifts by itself.",
            "差出人を修正するまでアプリケーションを止めてください。制限は自動的に解除されます。",
        ),
    ),
    source="reported by users of Exchange Online; same enhanced code as SendAsDenied, other basic code",
)

SENDER_THROTTLED = Outcome(
    "sender-throttled",
    550,
    "5.2.251",
    "Sender throttled",
    when=Text(
        "One of the codes 5.2.251 to 5.2.255: Exchange Online has slowed the sending mailbox down. Kairan never says this.",
        "5.2.251～5.2.255 のいずれか: Exchange Online が送信元メールボックスを制限しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The same fault was repeated by every message: sender refused, quota exceeded.",
            "送信者の拒否や割り当て超過など、同じ失敗が繰り返されています。",
        ),
    ),
    remedies=(
        Text(
            "Find the first refusal in the log and mend its cause, then wait.",
            "ログで最初の拒否応答を見つけて原因を取り除き、しばらく待ってください。",
        ),
    ),
    source="reported by users of Exchange Online; unconfirmed",
)

BAD_OUTBOUND_SENDER = Outcome(
    "bad-outbound-sender",
    550,
    "5.1.8",
    "Access denied, bad outbound sender",
    when=Text(
        "Exchange Online has blocked the account for sending spam. Kairan never says this.",
        "迷惑メールの送信により Exchange Online がアカウントをブロックしました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The account's password was stolen and used for spam.",
            "パスワードが盗まれ、迷惑メールの送信に使われました。",
        ),
        Text(
            "A mass mailing to the outside went through an ordinary mailbox.",
            "通常のメールボックスから外部へ大量送信が行われました。",
        ),
    ),
    remedies=(
        Text(
            "Change the password first, then Microsoft Defender portal > Email & collaboration > Review > Restricted entities, or `Remove-BlockedSenderAddress -SenderAddress ADDRESS`.",
            "まずパスワードを変更し、Microsoft Defender ポータル > [メールとコラボレーション] > [レビュー] > [制限されたエンティティ] または `Remove-BlockedSenderAddress -SenderAddress ADDRESS` で解除してください。",
        ),
    ),
    source=_NDR_TABLE,
)

UNREGISTERED_DOMAIN = Outcome(
    "unregistered-domain",
    550,
    "5.7.750",
    "Service unavailable. Client blocked from sending from unregistered domains",
    when=Text(
        "Exchange Online has blocked the organisation for sending from domains it does not own. Kairan never says this.",
        "未登録ドメインからの送信が多いため Exchange Online が組織をブロックしました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A relay connector passes on mail with foreign senders.",
            "リレー用コネクタが外部ドメインの送信者のメールを中継しています。",
        ),
    ),
    remedies=(
        Text(
            "Register the domains: Microsoft 365 admin center > Settings > Domains; restrict the connector to them.",
            "ドメインを登録し（Microsoft 365 管理センター > [設定] > [ドメイン]）、コネクタをそのドメインに限定してください。",
        ),
    ),
    source=_NDR_TABLE,
)

HVE_SENDER_MISMATCH = Outcome(
    "hve-sender-mismatch",
    550,
    "5.7.62",
    "Client does not have permissions to send as this sender",
    when=Text(
        "HVE is said to answer so to a MAIL FROM that is not the account's. Kairan says 550 5.7.60.",
        "MAIL FROM がアカウントのものでない場合の HVE の応答とされます。Kairan は 550 5.7.60 を返します。",
    ),
    causes=(_OTHER_FROM, _USERS_OWN_FROM),
    remedies=(_USE_OWN_ADDRESS,),
    source=_HEARSAY + "; text ours",
    profiles=("hve-2026",),
)

HVE_FROM_MISMATCH = Outcome(
    "hve-from-mismatch",
    550,
    "5.6.241",
    "From header does not match the sender",
    when=Text(
        "HVE is said to answer so when MAIL FROM is right and the From header is not. Kairan says 554 5.2.252.",
        "MAIL FROM は正しく From ヘッダーが異なる場合の HVE の応答とされます。Kairan は 554 5.2.252 を返します。",
    ),
    causes=(_USERS_OWN_FROM, _OTHER_FROM),
    remedies=(_USE_OWN_ADDRESS,),
    source=_HEARSAY + "; text ours",
    profiles=("hve-2026",),
)

NOT_AN_HVE_ACCOUNT = Outcome(
    "not-an-hve-account",
    550,
    "5.2.240",
    "The account is not a High Volume Email account",
    when=Text(
        "HVE is said to answer so to a login that succeeds with an ordinary user. Kairan says 535 5.7.3.",
        "通常のユーザーでログインした場合の HVE の応答とされます。Kairan は 535 5.7.3 を返します。",
    ),
    causes=(
        Text(
            "The device logs in with a person's mailbox in place of an HVE account.",
            "HVE アカウントではなく個人のメールボックスでログインしています。",
        ),
    ),
    remedies=(
        Text(
            "Make an HVE account and use it: `New-MailUser -HVEAccount -Name NAME -Password (Read-Host -AsSecureString) -PrimarySmtpAddress ADDRESS`; in Kairan: `kairan account add ADDRESS`.",
            "HVE アカウントを作成して使用してください: `New-MailUser -HVEAccount -Name NAME -Password (Read-Host -AsSecureString) -PrimarySmtpAddress ADDRESS`。Kairan では `kairan account add ADDRESS`",
        ),
    ),
    source=_HEARSAY + "; text ours",
    profiles=("hve-2026",),
)

DISPLAY_NAME_NOT_YOURS = Outcome(
    "display-name-not-yours",
    550,
    "5.7.1",
    "The display name in From or Sender shows the address of somebody else",
    when=Text(
        "The address in From is the account's, but the name in front of it is, or holds, another address of the organisation. Only where `foreign_display_names` is `refuse`.",
        "From のアドレスはアカウントのものですが、表示名に組織内の別のアドレスが含まれています。`foreign_display_names` が `refuse` のときだけ拒否します。",
    ),
    causes=(
        Text(
            "A device puts the user's address into the name of the sender.",
            "機器が差出人名に利用者のアドレスを入れています。",
        ),
        Text(
            "Somebody wants to be taken for another: many programs show the name alone.",
            "他人になりすます試みです。多くのメール ソフトは表示名だけを表示します。",
        ),
    ),
    remedies=(
        Text(
            "Write a name that is no address, and put the person into Reply-To.",
            "表示名にはアドレス以外の名前を書き、個人のアドレスは Reply-To に入れてください。",
        ),
        Text(
            "In Kairan set `foreign_display_names` of the admission to `rewrite` or `pass`.",
            "Kairan では admission の `foreign_display_names` を `rewrite` または `pass` にします。",
        ),
    ),
    source="code and text ours; Exchange lets it pass",
    speaker=Speaker.KAIRAN,
)
