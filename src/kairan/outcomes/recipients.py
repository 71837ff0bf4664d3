"""May they receive it: recipients, and groups that not everybody may write to."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import FIX_ADDRESS, SEND_TO_GROUP, TRY_LATER

_NDR_TABLE = "Microsoft Support: Email non-delivery reports in Exchange Online"

RELAY_DENIED = Outcome(
    "relay-denied",
    550,
    "5.7.54",
    "Unable to relay recipient in non-accepted domain",
    when=Text(
        "A recipient lies outside the organisation's accepted domains; High Volume Email is internal only.",
        "受信者が組織の承認済みドメインの外にあります。大量メール（HVE）は組織内専用です。",
    ),
    causes=(
        Text(
            "The recipient is a customer, a supplier or a private address.",
            "受信者が顧客、取引先、または個人のアドレスです。",
        ),
        Text(
            "A domain of the organisation is not among the accepted ones.",
            "組織のドメインが承認済みドメインに登録されていません。",
        ),
        Text("A typing error in the domain.", "ドメインの入力ミスです。"),
    ),
    remedies=(
        Text(
            "Send external mail by ordinary client submission (with OAuth), or by a service that is made for external mailings.",
            "組織外へのメールは、通常のクライアント送信（OAuth）または外部向けの配信サービスで送信してください。",
        ),
        Text(
            "Add a domain of your own: `kairan domain add DOMAIN`; in Microsoft 365: Exchange admin center > Mail flow > Accepted domains.",
            "自組織のドメインであれば追加してください: `kairan domain add DOMAIN`。Microsoft 365 では Exchange 管理センター > [メール フロー] > [承認済みドメイン]",
        ),
    ),
    source="text of Exchange's relay refusal; that HVE is internal only: Microsoft Learn, Manage High Volume Email",
)

RECIPIENT_UNKNOWN = Outcome(
    "recipient-unknown",
    550,
    "5.1.10",
    "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    when=Text(
        "The domain is ours, the address is nobody's.",
        "ドメインは組織のものですが、そのアドレスは存在しません。",
    ),
    causes=(
        Text("A typing error.", "入力ミスです。"),
        Text(
            "The person has left, or the mailbox was renamed.",
            "退職またはメールボックスの名前変更です。",
        ),
        Text(
            "The directory has not been imported since the mailbox was made.",
            "メールボックス作成後にディレクトリが取り込まれていません。",
        ),
    ),
    remedies=(
        Text(
            "Search for it: `kairan mailbox show ADDRESS`; in Microsoft 365: `Get-Recipient ADDRESS`.",
            "アドレスを検索してください: `kairan mailbox show ADDRESS`。Microsoft 365 では `Get-Recipient ADDRESS`",
        ),
        Text(
            "Add or import it: `kairan mailbox add ADDRESS`, `kairan mailbox import FILE.csv`.",
            "追加または取り込みを行ってください: `kairan mailbox add ADDRESS`、`kairan mailbox import FILE.csv`",
        ),
        FIX_ADDRESS,
    ),
    source=_NDR_TABLE,
)

TOO_MANY_RECIPIENTS = Outcome(
    "too-many-recipients",
    452,
    "4.5.3",
    "Too many recipients",
    when=Text(
        "The message has as many recipients as one message may have (50); those before stay accepted.",
        "1 通あたりの受信者数の上限（50）に達しました。それまでの受信者は有効です。",
    ),
    causes=(
        Text(
            "The application sends one message to a long list of people.",
            "アプリケーションが多数の宛先に 1 通で送信しています。",
        ),
    ),
    remedies=(
        SEND_TO_GROUP,
        Text(
            "Or send in batches of 50: end this message, go on with the rest in the next one.",
            "または 50 件ずつに分け、残りは次のメッセージで送信してください。",
        ),
    ),
    source="RFC 5321 section 4.5.3.1.10; number: Microsoft Learn, Troubleshoot High Volume Email",
    speaker=Speaker.ANY,
)

GROUP_SENDER_NOT_ALLOWED = Outcome(
    "group-sender-not-allowed",
    550,
    "5.7.124",
    "RESOLVER.RST.NotAuthorized; sender is not allowed to send to this group",
    when=Text(
        "The group accepts mail from named senders only, and this is none of them; or it is a rejected one.",
        "グループが特定の送信者だけを許可しており、この送信者は含まれていない（または拒否対象）です。",
    ),
    causes=(
        Text(
            "The account was never added to the group's list of allowed senders.",
            "アカウントがグループの許可された送信者に追加されていません。",
        ),
        Text(
            "The list names a group that the account was a member of and no longer is.",
            "許可された送信者のグループから、アカウントが外れています。",
        ),
    ),
    remedies=(
        Text(
            "Allow the account: `kairan group set GROUP --accept-from ADDRESS` (repeat it for all who may: the list is replaced); in Microsoft 365: `Set-DistributionGroup GROUP -AcceptMessagesOnlyFromSendersOrMembers @{add='ADDRESS'}`.",
            "アカウントを許可してください: `kairan group set GROUP --accept-from ADDRESS`（一覧は置き換わるため、許可する全員を繰り返し指定します）。Microsoft 365 では `Set-DistributionGroup GROUP -AcceptMessagesOnlyFromSendersOrMembers @{add='ADDRESS'}`",
        ),
        Text(
            "Or ask an owner of the group to send.",
            "または、グループの所有者に送信を依頼してください。",
        ),
    ),
    source=_NDR_TABLE,
)

GROUP_SENDER_NOT_AUTHENTICATED = Outcome(
    "group-sender-not-authenticated",
    550,
    "5.7.133",
    "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required to send to this group",
    when=Text(
        "The group accepts authenticated senders only, and this message came without a login.",
        "グループは認証済みの送信者だけを受け付けますが、このメッセージは認証なしで届きました。",
    ),
    causes=(
        Text(
            "A device without login sends to a group that requires one (the default).",
            "ログインしない機器が、認証必須（既定値）のグループに送信しています。",
        ),
    ),
    remedies=(
        Text("Let the device log in.", "機器側で認証を設定してください。"),
        Text(
            "Or open the group: `kairan group set GROUP --no-require-sender-authentication`; in Microsoft 365: `Set-DistributionGroup GROUP -RequireSenderAuthenticationEnabled $false`.",
            "またはグループを開放してください: `kairan group set GROUP --no-require-sender-authentication`。Microsoft 365 では `Set-DistributionGroup GROUP -RequireSenderAuthenticationEnabled $false`",
        ),
    ),
    source=_NDR_TABLE,
)

EXPANSION_TOO_LARGE = Outcome(
    "expansion-too-large",
    550,
    "5.2.4",
    "Group expands to more recipients than allowed",
    when=Text(
        "A group, with all groups in it, holds more members than one message may reach.",
        "入れ子を含むグループの全メンバー数が、1 通で届けられる上限を超えました。",
    ),
    causes=(
        Text(
            "Groups are nested deeper or wider than anybody intended.",
            "グループの入れ子が意図以上に深い、または広くなっています。",
        ),
    ),
    remedies=(
        Text(
            "Look at the group: `kairan group preview GROUP`, and split it.",
            "グループを確認し、分割してください: `kairan group preview GROUP`",
        ),
        Text(
            "Raise `total_max` in the section [delivery.expansion] of the configuration.",
            "設定の [delivery.expansion] セクションの `total_max` を引き上げてください。",
        ),
    ),
    source="RFC 3463 section 3.3 (X.2.4, mailing list expansion problem); limit ours",
    speaker=Speaker.KAIRAN,
)

GROUP_REACHES_NOBODY = Outcome(
    "group-reaches-nobody",
    550,
    "5.2.4",
    "Group has no members who can receive this message",
    when=Text(
        "A group, with all groups in it, led to nobody: it is empty, or all its members are gone or did not accept the sender. Nobody got the message.",
        "入れ子を含めてグループの受信者が 1 人もいません。空であるか、全メンバーが存在しないか、送信者を受け付けませんでした。メッセージは誰にも届いていません。",
    ),
    causes=(
        Text(
            "Nobody was ever added, or the members have all left.",
            "メンバーが追加されていないか、全員が退職しています。",
        ),
        Text(
            "The groups in it accept mail from other senders only.",
            "含まれるグループが、別の送信者だけを許可しています。",
        ),
    ),
    remedies=(
        Text(
            "Look whom it reaches: `kairan group preview GROUP`; add members: `kairan group members add GROUP ADDRESS`.",
            "届く先を確認し（`kairan group preview GROUP`）、メンバーを追加してください: `kairan group members add GROUP ADDRESS`",
        ),
    ),
    source="RFC 3463 section 3.3 (X.2.4, mailing list expansion problem); text ours",
    speaker=Speaker.KAIRAN,
)

RECIPIENT_RESTRICTED = Outcome(
    "recipient-restricted",
    550,
    "5.7.134",
    "RESOLVER.RST.SenderNotAuthenticatedForMailbox; authentication required to send to this mailbox",
    when=Text(
        "An Exchange mailbox (5.7.134), mail user (5.7.136) or recipient (5.7.12) accepts internal, authenticated senders only.",
        "Exchange のメールボックス（5.7.134）、メール ユーザー（5.7.136）、受信者（5.7.12）が、認証済みの内部送信者だけを許可しています。",
    ),
    causes=(
        Text(
            "The message reached Exchange without a login, or from outside.",
            "メッセージが認証なし、または外部から Exchange に届きました。",
        ),
    ),
    remedies=(
        Text(
            "Send it through an authenticated session, or `Set-Mailbox ADDRESS -RequireSenderAuthenticationEnabled $false`.",
            "認証済みのセッションで送信するか、`Set-Mailbox ADDRESS -RequireSenderAuthenticationEnabled $false` を実行してください。",
        ),
    ),
    source=_NDR_TABLE,
)

DELIVERY_NOT_AUTHORISED = Outcome(
    "delivery-not-authorised",
    550,
    "5.7.1",
    "Delivery not authorized, message refused",
    when=Text(
        "The receiving organisation refuses this sender, without saying more.",
        "受信側の組織が、詳しい理由を示さずにこの送信者を拒否しました。",
    ),
    causes=(
        Text(
            "A mail flow rule, a restricted group or a filter on the receiving side.",
            "受信側のメール フロー ルール、制限付きグループ、またはフィルターによるものです。",
        ),
        Text(
            "The connection came from an address the receiver does not relay for.",
            "受信側が中継を許可していないアドレスから接続しています。",
        ),
    ),
    remedies=(
        Text(
            "Read the whole reply, then look at the receiver's trace: `Get-MessageTraceV2 -MessageId ID`.",
            "応答全文を確認した上で、受信側のメッセージ追跡を調べてください: `Get-MessageTraceV2 -MessageId ID`",
        ),
    ),
    source=_NDR_TABLE + "; RFC 3463 section 3.8",
)

RECEIVING_RATE_EXCEEDED = Outcome(
    "receiving-rate-exceeded",
    550,
    "5.2.121",
    "Recipient's per hour message receive limit from specific sender exceeded",
    when=Text(
        "One mailbox of Exchange Online received too much in an hour, from this sender (5.2.121) or from all (5.2.122).",
        "Exchange Online のメールボックスの 1 時間あたりの受信数が、この送信者から（5.2.121）または全体で（5.2.122）上限を超えました。",
    ),
    causes=(
        Text(
            "An alarm or monitor sends one message for each event to one mailbox.",
            "警報や監視ツールが、イベントごとに 1 つのメールボックスへ送信しています。",
        ),
    ),
    remedies=(
        Text(
            "Collect events into one message, or spread them over several mailboxes.",
            "イベントを 1 通にまとめるか、複数のメールボックスに分散してください。",
        ),
    ),
    source=_NDR_TABLE,
)

RECIPIENT_THREADS_EXCEEDED = Outcome(
    "recipient-threads-exceeded",
    432,
    "4.3.2",
    "STOREDRV.Deliver; recipient thread limit exceeded",
    when=Text(
        "Exchange Online delivers as much to this one mailbox at once as it will; the same code as for too many connections of a sender.",
        "Exchange Online の 1 つのメールボックスへの同時配信数が上限です。送信側の同時接続超過と同じコードです。",
    ),
    causes=(
        Text(
            "Very many messages go to one mailbox at the same time.",
            "1 つのメールボックスに大量のメッセージが同時に送られています。",
        ),
    ),
    remedies=(
        TRY_LATER,
        Text(
            "Send to that mailbox more slowly; the others need not wait.",
            "そのメールボックスへの送信だけ間隔を空けてください。他の宛先は待つ必要がありません。",
        ),
    ),
    source=_NDR_TABLE,
)
