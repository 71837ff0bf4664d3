"""A service that we send by with a login of our own, such as High Volume Email: words of traces and queues."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import WATCH_TRACE

_WHY = Text(
    "`kairan queue why ID` says what the service answered, what it means and what to do.",
    "`kairan queue why ID` でサービスの応答とその意味、対処を確認できます。",
)

ROUTE_HELD = Outcome(
    "route-held",
    451,
    "4.3.5",
    "The route is held: the next server takes nothing from this account",
    when=Text(
        "The next server refuses our login or account, and no other message would fare better; its answer stands behind the text. Mail is kept and does not expire; one message tries from time to time whether it is mended.",
        "次のサーバーがこのサービスのログインまたはアカウントを拒否しており、どのメッセージも送信できません。応答は本文の後に続きます。メールは期限切れにならず保持され、時々 1 通だけ再試行されます。",
    ),
    causes=(
        Text(
            "A setting there or here is wrong: permissions, allowed apps, security defaults, billing, a password.",
            "権限、許可されたアプリ、セキュリティの既定値、課金、パスワードなど、先方またはこちらの設定に誤りがあります。",
        ),
        Text(
            "The account has used up what it may send, or is blocked.",
            "アカウントが送信上限に達した、またはブロックされています。",
        ),
        Text(
            "The server's certificate does not verify, or STARTTLS is missing: the login did not leave.",
            "サーバーの証明書が検証できない、または STARTTLS がないため、資格情報は送信されませんでした。",
        ),
    ),
    remedies=(_WHY, WATCH_TRACE),
    source="RFC 3463 section 3.4 (X.3.5)",
    speaker=Speaker.KAIRAN,
)

FROM_NOT_OF_ROUTE = Outcome(
    "from-not-of-route",
    550,
    "5.7.62",
    "The sender is not the account by which this route sends",
    when=Text(
        "The route has from=refuse: the service behind it takes no sender but its account, so the message was not sent there.",
        "経路に from=refuse が指定されています。先のサービスは自アカウント以外の送信者を受け付けないため、送信しませんでした。",
    ),
    causes=(
        Text(
            "MAIL FROM or the From field has another address than the route's account.",
            "MAIL FROM または From ヘッダーが経路のアカウントと異なります。",
        ),
    ),
    remedies=(
        Text(
            "Send as the account, or let the route write it: from=rewrite keeps the author in Reply-To.",
            "アカウントを送信者にするか、経路に from=rewrite を指定してください（元の作成者は Reply-To に残ります）。",
        ),
    ),
    source="Microsoft Learn: Troubleshoot High Volume Email (2026), SendAsDenied",
    speaker=Speaker.KAIRAN,
)
