"""May it go to the list: size, moderation, send window; and what a moderator's answer is told."""

from kairan.outcomes.outcome import Outcome, Speaker, Text

_OURS = "RFC 3463 section 3.8; text ours"
_ASK_MODERATOR = Text(
    "Ask a moderator or an owner of the group why: `kairan group show GROUP` names them.",
    "理由はグループのモデレーターまたは所有者に確認してください（`kairan group show GROUP` で表示されます）。",
)

GROUP_AWAITS_APPROVAL = Outcome(
    "group-awaits-approval",
    450,
    "4.7.1",
    "Message waits for a moderator of the group",
    when=Text(
        "The group is moderated, and no moderator has decided about this message yet. It stays in the queue until one does, or until the time for that is over.",
        "グループはモデレートされており、このメッセージはまだ承認も却下もされていません。決定されるか期限が切れるまでキューに残ります。",
    ),
    causes=(
        Text(
            "Moderators were written to and have not answered.",
            "モデレーターに依頼が送られましたが、まだ返信がありません。",
        ),
    ),
    remedies=(
        Text(
            "Decide: `kairan group moderation list`, then `kairan group moderation approve ID` or `reject ID`.",
            "承認または却下してください: `kairan group moderation list` で確認し、`kairan group moderation approve ID` または `reject ID`",
        ),
        Text(
            "Let this sender write without approval: `kairan group set GROUP --bypass ADDRESS` (repeat it for all: the list is replaced).",
            "この送信者を承認不要にします: `kairan group set GROUP --bypass ADDRESS`（一覧は置き換わるため、全員を繰り返し指定します）",
        ),
    ),
    source=_OURS,
    speaker=Speaker.KAIRAN,
)

GROUP_OUTSIDE_WINDOW = Outcome(
    "group-outside-window",
    450,
    "4.7.1",
    "Message waits until the group takes mail",
    when=Text(
        "The group has a send window, and this message came outside it. It goes out when the window opens.",
        "グループには送信時間帯があり、このメッセージは時間外に届きました。時間帯の開始時に配信されます。",
    ),
    causes=(
        Text(
            "An application sends at night what is to arrive in the morning.",
            "朝に届けるべきメールを、アプリケーションが夜間に送信しています。",
        ),
    ),
    remedies=(
        Text(
            "Nothing need be done. To change it: `kairan group set GROUP --send-window WINDOW`, or `--send-window ''` for none.",
            "対処は不要です。変更するには `kairan group set GROUP --send-window WINDOW`、なくすには `--send-window ''` を指定してください。",
        ),
    ),
    source=_OURS,
    speaker=Speaker.KAIRAN,
)

GROUP_MODERATION_REJECTED = Outcome(
    "group-moderation-rejected",
    550,
    "5.7.1",
    "Message rejected by a moderator of the group",
    when=Text(
        "A moderator of the group has rejected the message. No member got it through this group.",
        "グループのモデレーターがメッセージを却下しました。このグループ経由では誰にも届いていません。",
    ),
    causes=(
        Text(
            "The moderator found that it is not for this group.",
            "このグループ宛てのメッセージとして適切でないと判断されました。",
        ),
    ),
    remedies=(_ASK_MODERATOR,),
    source=_OURS,
    speaker=Speaker.KAIRAN,
)

GROUP_MODERATION_EXPIRED = Outcome(
    "group-moderation-expired",
    550,
    "5.4.7",
    "No moderator of the group decided in time; message not delivered",
    when=Text(
        "The message waited for a moderator of the group until the time for that was over. No member got it through this group.",
        "期限までにグループのモデレーターの決定がありませんでした。このグループ経由では誰にも届いていません。",
    ),
    causes=(
        Text("All moderators were away.", "モデレーター全員が不在でした。"),
        Text(
            "The moderators' mail does not reach them.",
            "承認依頼のメールがモデレーターに届いていません。",
        ),
    ),
    remedies=(
        Text("Ask a moderator, then send again.", "モデレーターに連絡した上で、再送してください。"),
        Text(
            "Name more moderators: `kairan group set GROUP --moderator ADDRESS --moderator ADDRESS`; or give them more time: `moderation_seconds` in the section [delivery.expansion].",
            "モデレーターを増やすか（`kairan group set GROUP --moderator ADDRESS --moderator ADDRESS`）、[delivery.expansion] セクションの `moderation_seconds` で期限を延ばしてください。",
        ),
    ),
    source="RFC 3463 section 3.5; text ours",
    speaker=Speaker.KAIRAN,
)

GROUP_MESSAGE_TOO_LARGE = Outcome(
    "group-message-too-large",
    550,
    "5.2.3",
    "Message is larger than this group takes",
    when=Text(
        "The group has a largest size of its own, and the message is larger.",
        "グループに設定された最大サイズをメッセージが超えています。",
    ),
    causes=(
        Text(
            "A large attachment would reach every member's mailbox.",
            "大きな添付ファイルが全メンバーのメールボックスに届くことになります。",
        ),
    ),
    remedies=(
        Text(
            "Put the file where everybody can fetch it, and send the link.",
            "ファイルを共有場所に置き、リンクを送信してください。",
        ),
        Text(
            "Raise the group's limit: `kairan group set GROUP --message-octets-max N`, 0 for none; in Microsoft 365: `Set-DistributionGroup GROUP -MaxReceiveSize SIZE`.",
            "グループの上限を引き上げてください: `kairan group set GROUP --message-octets-max N`（0 で無制限）。Microsoft 365 では `Set-DistributionGroup GROUP -MaxReceiveSize SIZE`",
        ),
    ),
    source="RFC 3463 section 3.3; text ours",
    speaker=Speaker.KAIRAN,
)

GROUP_NEEDS_RULES = Outcome(
    "group-needs-rules",
    550,
    "5.7.1",
    "Group is large and open to everybody; it needs allowed senders or moderation",
    when=Text(
        "The group has more members than a group may have that anybody may write to.",
        "誰でも送信できるグループとしては、メンバー数が上限を超えています。",
    ),
    causes=(
        Text(
            "The group has grown, and nobody said who may write to it. Exchange Online asks for that from 5,000 members on.",
            "グループが大きくなりましたが、送信できる人が制限されていません。Exchange Online では 5,000 メンバー以上で必要です。",
        ),
    ),
    remedies=(
        Text(
            "Say who may: `kairan group set GROUP --accept-from ADDRESS`, or have its messages approved: `kairan group set GROUP --moderated --moderator ADDRESS`.",
            "送信者を指定するか（`kairan group set GROUP --accept-from ADDRESS`）、承認制にしてください（`kairan group set GROUP --moderated --moderator ADDRESS`）。",
        ),
        Text(
            "Change `open_members_max` in the section [delivery.expansion]; 0 for no limit.",
            "[delivery.expansion] セクションの `open_members_max` を変更してください（0 で無制限）。",
        ),
    ),
    source="RFC 3463 section 3.8; text ours",
    speaker=Speaker.KAIRAN,
)

MODERATION_ANSWER_UNKNOWN = Outcome(
    "moderation-answer-unknown",
    550,
    "5.7.1",
    "No message waits for this answer",
    when=Text(
        "A mail to the address for moderators' answers has no token of a message that waits, or one that is not good.",
        "モデレーターの返信用アドレスに届いたメールに、待機中のメッセージの有効なトークンがありません。",
    ),
    causes=(
        Text(
            "The subject was changed, and the token in it was lost.",
            "件名が変更され、トークンが失われました。",
        ),
        Text(
            "The message has left the queue: it was dropped, or it is long ago.",
            "メッセージはすでにキューにありません（削除された、または古いものです）。",
        ),
    ),
    remedies=(
        Text(
            "Answer the mail that asked, or use one of its two links.",
            "承認依頼のメールに返信するか、メール内の 2 つのリンクのいずれかを使用してください。",
        ),
    ),
    source=_OURS,
    speaker=Speaker.KAIRAN,
)

MODERATION_ANSWER_UNCLEAR = Outcome(
    "moderation-answer-unclear",
    550,
    "5.6.0",
    "The answer says neither approve nor reject",
    when=Text(
        "A moderator's answer does not begin with one of the two words. The message waits on.",
        "モデレーターの返信が、承認または却下を表す語で始まっていません。メッセージは引き続き待機します。",
    ),
    causes=(
        Text(
            "The first line of the answer says something else.",
            "返信の最初の行に別の内容が書かれています。",
        ),
    ),
    remedies=(
        Text(
            "Write `approve` or `reject` as the first word of the answer, or use one of the links of the mail that asked.",
            "返信の最初の語として `approve`（承認）または `reject`（却下）と書くか、承認依頼のメールのリンクを使用してください。",
        ),
    ),
    source="RFC 3463 section 3.7; text ours",
    speaker=Speaker.KAIRAN,
)

MODERATION_DECIDED = Outcome(
    "moderation-decided",
    550,
    "5.7.1",
    "The message was decided about already",
    when=Text(
        "Another moderator was first, or an administrator; a token is good for one decision.",
        "別のモデレーターまたは管理者がすでに決定しています。トークンは 1 回だけ有効です。",
    ),
    causes=(
        Text(
            "Two moderators answered, or one answered twice with different words.",
            "2 人のモデレーターが返信した、または 1 人が異なる内容で 2 回返信しました。",
        ),
    ),
    remedies=(
        Text(
            "See what was decided, and by whom: `kairan group moderation list --all`.",
            "決定の内容と決定した人を確認してください: `kairan group moderation list --all`",
        ),
    ),
    source=_OURS,
    speaker=Speaker.KAIRAN,
)
