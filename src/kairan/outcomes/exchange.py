"""What Exchange Online says of organisation, sender or its own trouble, and Kairan never."""

from kairan.outcomes.outcome import Outcome, Text
from kairan.outcomes.remedies import TRY_LATER, USE_OAUTH

_NDR_TABLE = "Microsoft Support: Email non-delivery reports in Exchange Online"
_COLLECTED = "replies of Exchange Online collected in public (github.com/ActiveCampaign/smtp-field-manual, data/codes)"

_STOLEN_ACCOUNT = Text(
    "The account's password was stolen and spam left by it.",
    "アカウントのパスワードが盗まれ、迷惑メールの送信に使われました。",
)
_FIND_THE_LEAK = Text(
    "Find what was sent: `Get-MessageTraceV2 -SenderAddress ADDRESS`; set a new password and stop the sender before you ask for anything.",
    "送信内容を確認し（`Get-MessageTraceV2 -SenderAddress ADDRESS`）、先にパスワードの変更と送信の停止を行ってください。",
)
_HVE_FOR_INTERNAL = Text(
    "For mail within the organisation use a High Volume Email account: smtp.hve.mx.microsoft, port 587, STARTTLS; its Basic authentication has a date of its own.",
    "組織内宛てのメールには大量メール（HVE）アカウントを使ってください（smtp.hve.mx.microsoft、ポート 587、STARTTLS）。HVE の基本認証の終了日は別に定められています。",
)
_GATEWAY_FOR_DEVICES = Text(
    "Let devices that know passwords alone send to a gateway such as Kairan, which signs in by OAuth for them.",
    "パスワードしか使えない機器は、代わりに OAuth でサインインするゲートウェイ（Kairan など）に送信させてください。",
)

CLIENT_BASIC_AUTH_ENDED = Outcome(
    "client-basic-auth-ended",
    550,
    "5.7.30",
    "Basic authentication is not supported for Client Submission.",
    when=Text(
        "Exchange Online no longer takes user name and password at smtp.office365.com for this organisation or mailbox. Kairan never says this.",
        "この組織またはメールボックスでは、smtp.office365.com でユーザー名とパスワード（基本認証）が使えなくなりました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "Basic authentication for client submission is switched off: by default in existing organisations, for good in new ones; the dates stand below.",
            "クライアント送信の基本認証が終了または無効化されました（既存組織では既定で無効、新しい組織では利用不可）。日程は下記のとおりです。",
        ),
        Text(
            "The device or application logs in by a password (LOGIN, PLAIN), not by a token; the password itself may be right.",
            "機器またはアプリケーションが、トークンではなくパスワード（LOGIN、PLAIN）でログインしています。パスワード自体は正しい可能性があります。",
        ),
    ),
    remedies=(
        USE_OAUTH,
        _HVE_FOR_INTERNAL,
        _GATEWAY_FOR_DEVICES,
    ),
    source="Exchange Team blog 4114750 (Exchange Online to retire Basic auth for Client Submission) and 4489835 (dates)",
)

DIRECT_SEND_REFUSED = Outcome(
    "direct-send-refused",
    550,
    "5.7.68",
    "TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    when=Text(
        "Mail with a sender of the organisation's own domain came to its MX without a login, and Reject Direct Send is on. Kairan never says this.",
        "組織自身のドメインを差出人とするメールが、認証なしで組織の MX に直接送られました。組織で Direct Send の拒否が有効です。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A printer or application sends straight to the organisation's MX (NAME.mail.protection.outlook.com, port 25) without logging in: Direct Send.",
            "プリンターやアプリケーションが、ログインせずに組織の MX（NAME.mail.protection.outlook.com、ポート 25）へ直接送信しています（Direct Send）。",
        ),
        Text(
            "A service that sends in the organisation's name has no connector there, or the connector does not know its address or certificate.",
            "組織の名義で送信する外部サービスのコネクタがない、またはコネクタに送信元アドレスや証明書が登録されていません。",
        ),
    ),
    remedies=(
        Text(
            "Let it log in: a High Volume Email account at smtp.hve.mx.microsoft for internal mail, or client submission with OAuth.",
            "認証を使って送信してください（組織内宛ては smtp.hve.mx.microsoft の HVE アカウント、それ以外は OAuth によるクライアント送信）。",
        ),
        Text(
            "Or make an inbound connector for its fixed address or certificate: Exchange admin center > Mail flow > Connectors (`New-InboundConnector`).",
            "または、固定 IP アドレスか証明書を指定した受信コネクタを作成してください: Exchange 管理センター > [メール フロー] > [コネクタ]（`New-InboundConnector`）",
        ),
        Text(
            "The switch is `Get-OrganizationConfig | Format-List RejectDirectSend`; turning it off lets anybody forge the domain's senders again.",
            "設定は `Get-OrganizationConfig | Format-List RejectDirectSend` で確認できます。無効にすると、差出人の詐称を再び許すことになります。",
        ),
    ),
    source="Exchange Team blog 4408790 (Introducing more control over Direct Send)",
)

PARTNER_CONNECTOR_REFUSED = Outcome(
    "partner-connector-refused",
    550,
    "5.7.51",
    "TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
    when=Text(
        "The receiving organisation takes this sender's mail by a partner connector alone, and this connection does not fit it. Kairan never says this.",
        "受信側の組織がパートナー コネクタで送信元を限定しており、この接続は条件に合いません。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The mail comes from an address that the connector does not list.",
            "コネクタに登録されていない IP アドレスから送信しています。",
        ),
        Text(
            "The certificate that was shown is expired, revoked, or bears another name; or none was shown.",
            "提示した証明書の期限切れ、失効、名前の不一致、または証明書の未提示です。",
        ),
    ),
    remedies=(
        Text(
            "In the receiving organisation compare the connector with the sending host: `Get-InboundConnector | Format-List Name,SenderIPAddresses,TlsSenderCertificateName,Restrict*`.",
            "受信側の組織で、コネクタと送信元を照合してください: `Get-InboundConnector | Format-List Name,SenderIPAddresses,TlsSenderCertificateName,Restrict*`",
        ),
    ),
    source="seen in logs of Exchange servers that send to Exchange Online, 2025",
)

TENANT_EXTERNAL_LIMIT = Outcome(
    "tenant-external-limit",
    550,
    "5.7.233",
    "Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    when=Text(
        "The whole organisation has sent to as many external recipients within 24 hours as its licences allow (5.7.232: a trial organisation). Kairan never says this.",
        "組織全体の 24 時間あたりの外部受信者数が、ライセンス数に応じた上限に達しました（5.7.232 は試用版の組織）。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "Mailings to customers go through Exchange Online, from any of the organisation's accounts: the limit is the organisation's, not one account's.",
            "顧客への一斉送信に Exchange Online を使っています。上限はアカウント単位ではなく組織全体のものです。",
        ),
        _STOLEN_ACCOUNT,
    ),
    remedies=(
        Text(
            "Wait: the limit counts the last 24 hours. Send external mailings by a service that is made for them. High Volume Email is internal only and no way out.",
            "直近 24 時間で計算されるため、時間をおいてください。外部への一斉送信には専用のサービスを使ってください。HVE は組織内専用のため、代わりにはなりません。",
        ),
        Text(
            "See who sends so much: `Get-MessageTraceV2`, and the report on external recipients in the Exchange admin center.",
            "大量送信の発信元を確認してください: `Get-MessageTraceV2`、および Exchange 管理センターの外部受信者のレポート",
        ),
    ),
    source=_NDR_TABLE + "; Exchange Team blog on the tenant external recipient rate limit",
)

SENDER_BANNED = Outcome(
    "sender-banned",
    550,
    "5.7.501",
    "Access denied, spam abuse detected",
    when=Text(
        "Exchange Online has banned the sending account for spam (5.7.501, 5.7.502, 5.7.503), or the sending domain (5.7.800). Kairan never says this.",
        "迷惑メールの検出により、送信アカウント（5.7.501、5.7.502、5.7.503）または送信ドメイン（5.7.800）の送信が禁止されました。Kairan はこの応答を返しません。",
    ),
    causes=(
        _STOLEN_ACCOUNT,
        Text(
            "An application's mailing looks like spam or is reported as such by its readers.",
            "アプリケーションの一斉送信が迷惑メールと判定、または受信者から報告されました。",
        ),
    ),
    remedies=(
        _FIND_THE_LEAK,
        Text(
            "Then ask Microsoft support to let the account or domain send again.",
            "その後、Microsoft サポートに送信禁止の解除を依頼してください。",
        ),
    ),
    source=_NDR_TABLE,
)

DMARC_FAILED = Outcome(
    "dmarc-failed",
    550,
    "5.7.509",
    "Access denied, sending domain does not pass DMARC verification and has a DMARC policy of reject",
    when=Text(
        "The From domain asks receivers to reject what fails DMARC, and this message failed it. Kairan never says this.",
        "From のドメインの DMARC ポリシーが reject で、メッセージが DMARC 検証に失敗しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The sending host is in no SPF record of the domain, and the message has no DKIM signature of the domain.",
            "送信元が SPF レコードに含まれず、ドメインの DKIM 署名もありません。",
        ),
        Text(
            "A gateway or list on the way changed the message and broke its signature.",
            "経路上のゲートウェイやメーリング リストがメッセージを変更し、署名が無効になりました。",
        ),
        Text(
            "A device sends straight to the MX in the organisation's name.",
            "機器が組織の名義で MX に直接送信しています。",
        ),
    ),
    remedies=(
        Text(
            "Send by a server that signs for the domain, or that its SPF record names; look at the domain's records: `dig TXT _dmarc.DOMAIN`, `dig TXT DOMAIN`.",
            "ドメインの DKIM 署名を付ける、または SPF レコードに登録されたサーバーから送信してください。確認: `dig TXT _dmarc.DOMAIN`、`dig TXT DOMAIN`",
        ),
        Text(
            "Internal mail: send it authenticated, then it is not judged as foreign.",
            "組織内のメールは認証付きで送信してください。外部メールとして判定されません。",
        ),
    ),
    source=_NDR_TABLE,
)

SENDER_AUTHENTICATION_LEVEL = Outcome(
    "sender-authentication-level",
    550,
    "5.7.515",
    "Access denied, sending domain does not meet the required authentication level",
    when=Text(
        "Outlook.com, Hotmail and Live take mail of a domain that sends much (5,000 a day) only with SPF, DKIM and DMARC that all pass. Kairan never says this.",
        "Outlook.com、Hotmail、Live は、大量（1 日 5,000 通以上）に送信するドメインに SPF、DKIM、DMARC の合格を求めます。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "One of the three is missing, fails, or stands for another domain than From does.",
            "3 つのいずれかが未設定、不合格、または From のドメインと一致しません。",
        ),
    ),
    remedies=(
        Text(
            "Publish SPF and a DMARC record (at least p=none), sign with DKIM for the From domain, and check the headers of a test message.",
            "SPF と DMARC（p=none 以上）を公開し、From のドメインで DKIM 署名を行い、テスト メールのヘッダーを確認してください。",
        ),
    ),
    source="Microsoft Defender for Office 365 blog: Outlook's new requirements for high-volume senders (April 2025)",
)

CONNECTOR_BANNED = Outcome(
    "connector-banned",
    550,
    "5.7.711",
    "Access denied, bad inbound connector. AS(2204)",
    when=Text(
        "Exchange Online takes no mail by this inbound connector any more: it is suspected of spam. Kairan never says this.",
        "迷惑メールの送信が疑われ、この受信コネクタ経由の送信が停止されました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A host behind the connector, or an account of it, was taken over and sends spam.",
            "コネクタの先のサーバーまたはアカウントが乗っ取られ、迷惑メールを送信しています。",
        ),
        Text(
            "Mail of strangers is relayed through it.",
            "第三者のメールがコネクタ経由で中継されています。",
        ),
    ),
    remedies=(
        Text(
            "Find and stop the source, then release it: Microsoft Defender portal > Restricted entities, or `Get-BlockedConnector`, `Remove-BlockedConnector -ConnectorId ID` (takes up to an hour).",
            "原因を特定して停止した上で解除してください: Microsoft Defender ポータル > [制限されたエンティティ]、または `Get-BlockedConnector`、`Remove-BlockedConnector -ConnectorId ID`（反映まで最大 1 時間）",
        ),
    ),
    source="Microsoft Learn: Respond to a compromised connector",
)

ADDRESS_RATE_LIMITED = Outcome(
    "address-rate-limited",
    451,
    "4.7.650",
    "The mail server has been temporarily rate limited due to IP reputation",
    when=Text(
        "Outlook.com or Exchange Online takes less from this address for a while, by its reputation (4.7.650, 4.7.651). Kairan never says this.",
        "送信元 IP アドレスの評判により、Outlook.com または Exchange Online が受信量を一時的に制限しています（4.7.650、4.7.651）。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The address is new, or sends much more than before.",
            "新しい送信元アドレスである、または送信量が急に増えました。",
        ),
        Text(
            "Readers report its mail as spam, or many recipients do not exist.",
            "受信者から迷惑メールとして報告された、または存在しない宛先が多数含まれています。",
        ),
    ),
    remedies=(
        Text(
            "Keep the mail and let the server try again at its usual pace; send less from this address meanwhile.",
            "メールを破棄せず通常の間隔で再試行し、その間は送信量を抑えてください。",
        ),
        Text(
            "See how the address is judged: Smart Network Data Services (https://postmaster.live.com).",
            "アドレスの評価は Smart Network Data Services（https://postmaster.live.com）で確認できます。",
        ),
        Text(
            "Internal mail: send it by an authenticated endpoint, where the address's reputation does not count.",
            "組織内のメールは、IP アドレスの評判に左右されない認証付きのエンドポイントから送信してください。",
        ),
    ),
    source=_COLLECTED,
)

EXCHANGE_TRANSIENT = Outcome(
    "exchange-transient",
    451,
    "4.7.0",
    "Temporary server error. Please try again later.",
    when=Text(
        "Exchange Online has trouble of its own and asks to be tried again: one of its front ends did not reach the next server, a copy could not be stored, a queue is full. Kairan never says this.",
        "Exchange Online 側の一時的な問題です（フロントエンドから次のサーバーに到達できない、複製を保存できない、キューが満杯など）。再試行を求めています。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A passing fault or load at Microsoft (PRX, ATTR, TSTE, replication, queue quota); nothing in your settings.",
            "Microsoft 側の一時的な障害または負荷です（PRX、ATTR、TSTE、複製、キューの上限）。設定の問題ではありません。",
        ),
    ),
    remedies=(
        TRY_LATER,
        Text(
            "Change nothing. If it lasts for hours, look at the service health: Microsoft 365 admin center > Health > Service health.",
            "設定は変更しないでください。数時間続く場合は、Microsoft 365 管理センター > [正常性] > [サービス正常性] を確認してください。",
        ),
    ),
    source=_COLLECTED,
    needs_words=True,
)

WRONG_REGION = Outcome(
    "wrong-region",
    451,
    "4.4.62",
    "Mail sent to the wrong Office 365 region. ATTR35",
    when=Text(
        "The message came to a host of Exchange Online that is not the one of the recipient's organisation. Kairan never says this.",
        "受信者の組織のものではない Exchange Online のホストに送信されました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The smart host, route or MX holds an old or another organisation's name, or an IP address.",
            "スマート ホスト、経路、MX に、古い名前、別の組織の名前、または IP アドレスが指定されています。",
        ),
        Text(
            "Mail of strangers' domains is handed to the organisation's own MX as to a relay.",
            "他ドメイン宛てのメールを、中継のつもりで組織の MX に渡しています。",
        ),
    ),
    remedies=(
        Text(
            "Compare the host with the MX that Microsoft gives for the recipient's domain: Microsoft 365 admin center > Settings > Domains; `dig MX DOMAIN`.",
            "受信者のドメインに対して Microsoft が指定する MX と照合してください: Microsoft 365 管理センター > [設定] > [ドメイン]、`dig MX DOMAIN`",
        ),
    ),
    source="Microsoft Support: ATTR35 response code when mail is sent to EOP/EXO",
)

TENANT_WITHOUT_SUBSCRIPTION = Outcome(
    "tenant-without-subscription",
    451,
    "4.4.4",
    "Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
    when=Text(
        "The recipient's organisation has no subscription for mail in Microsoft 365, or none any more. Kairan never says this.",
        "受信者の組織に、メールを利用できる Microsoft 365 サブスクリプションがありません（終了した場合を含む）。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "The organisation's subscription has ended, or its MX was set before it was bought.",
            "サブスクリプションの終了、または購入前に MX が設定されました。",
        ),
    ),
    remedies=(
        Text(
            "Nothing can be done where it is sent; the recipient's administrator renews the subscription or corrects the MX.",
            "送信側でできることはありません。受信側の管理者がサブスクリプションを更新するか、MX を修正します。",
        ),
    ),
    source="seen on the wire of Exchange Online, 2026-08",
    needs_words=True,
)

HVE_BILLING_NOT_VALID = Outcome(
    "hve-billing-not-valid",
    550,
    "5.7.241",
    "The High Volume Email account has no valid billing policy",
    when=Text(
        "A High Volume Email account sends only with a billing policy that is valid. What the service answers without one is not published: code and text here are ours. Kairan never says this.",
        "HVE アカウントの送信には有効な課金ポリシーが必要です。課金ポリシーがない場合の応答は公開されておらず、ここでのコードと本文は独自のものです。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "No billing policy is assigned to the account (NoProperBillingPolicyStored), or it was deleted (BillingPolicyNotFound).",
            "アカウントに課金ポリシーが割り当てられていない（NoProperBillingPolicyStored）、または削除されました（BillingPolicyNotFound）。",
        ),
        Text(
            "The policy's Azure subscription is not active (SubscriptionIsNotActive), or nothing is connected to it (NoConnectedBillingPolicyFound, BillingPolicyMismatched, NoSPOLicenseFound).",
            "ポリシーの Azure サブスクリプションが無効（SubscriptionIsNotActive）、または接続や対応に問題があります（NoConnectedBillingPolicyFound、BillingPolicyMismatched、NoSPOLicenseFound）。",
        ),
    ),
    remedies=(
        Text(
            "Look at it: `Get-HVEAccountBillingPolicy -Identity ADDRESS` must show BillingPolicyValid; assign one of `Get-BillingPolicy -ResourceType HVE` by `Set-HVEAccountBillingPolicy -Identity ADDRESS -BillingPolicyId ID`.",
            "状態を確認してください: `Get-HVEAccountBillingPolicy -Identity ADDRESS` が BillingPolicyValid を示す必要があります。`Get-BillingPolicy -ResourceType HVE` のいずれかを `Set-HVEAccountBillingPolicy -Identity ADDRESS -BillingPolicyId ID` で割り当ててください。",
        ),
        Text(
            "Note that each recipient to whom a group expands is billed.",
            "グループの展開後の受信者 1 件ごとに課金されることに注意してください。",
        ),
    ),
    source="Microsoft Learn: PowerShell reference (Get-HVEAccountBillingPolicy, states of BillingPolicyStatus); Message Center MC1243552",
    needs_words=True,
)
