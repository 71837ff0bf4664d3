"""Who are you: login by user name and password, and the controls that stand before it."""

from kairan.outcomes.outcome import ByToken, Outcome, Speaker, Text
from kairan.outcomes.remedies import (
    ALLOW_APP,
    ALLOW_BASIC_AUTH,
    ASK_FOR_EXCHANGE,
    FIND_THE_CONTROL,
    GRANT_MAIL_SEND,
    RESET_PASSWORD,
    SECURITY_DEFAULTS_OFF,
    TRY_LATER,
    UPDATE_CLIENT,
    USE_OAUTH,
)

_HVE_PAGE = "Microsoft Learn: Troubleshoot High Volume Email (2025)"
_PRINTERS_PAGE = "Microsoft Support: Fix issues with printers, scanners and LOB applications"
_WIRE = "seen on the wire of Exchange Online"

_WRONG_PASSWORD = Text(
    "User name or password is wrong: a typing error, an old password, a display name in place of the address.",
    "ユーザー名またはパスワードの誤りです（入力ミス、古いパスワード、アドレスではなく表示名の入力など）。",
)
_MANGLED_PASSWORD = Text(
    "The device mangles characters of the password: old printers do with ~, quotes, blanks or more than 32 characters.",
    "機器がパスワードの文字を正しく扱えていません。古いプリンターでは ~、引用符、空白、32 文字超で起こります。",
)
_NO_LOGIN_SET = Text(
    "No user name and password are set in the device, or its login for SMTP is switched off.",
    "機器にユーザー名とパスワードが設定されていない、または SMTP 認証が無効です。",
)
_BAD_ENCODING = Text(
    "A script encodes the credentials wrongly: line breaks in base64, a text taken for base64.",
    "スクリプトの符号化の誤りです（base64 内の改行、平文のまま送信など）。",
)
_USE_LIBRARY = Text(
    "Leave the exchange to a mail library: smtplib, MailKit, JavaMail and nodemailer do it right.",
    "やり取りはメール ライブラリ（smtplib、MailKit、JavaMail、nodemailer など）に任せてください。",
)

NOT_AUTHENTICATED = Outcome(
    "not-authenticated",
    530,
    "5.7.57",
    "Client not authenticated to send mail",
    when=Text(
        "MAIL came before a successful login.",
        "ログインが成功する前に MAIL が送られました。",
    ),
    causes=(
        _NO_LOGIN_SET,
        Text(
            "The login was refused and the client went on regardless.",
            "ログインが拒否されたのに、クライアントが続行しました。",
        ),
        Text(
            "The client knows no mechanism that the server offers.",
            "サーバーが提示する認証方式をクライアントが利用できません。",
        ),
    ),
    remedies=(
        Text(
            "Enter the HVE account's address and password in the device and switch SMTP authentication on.",
            "HVE アカウントのアドレスとパスワードを機器に入力し、SMTP 認証を有効にしてください。",
        ),
        Text(
            "For a device without fields for a login open a listener of the role `device` and list its network.",
            "認証情報の入力欄がない機器には `device` ロールの受付口を用意し、そのネットワークを登録してください。",
        ),
    ),
    source=_PRINTERS_PAGE,
)

AUTH_UNSUCCESSFUL = Outcome(
    "auth-unsuccessful",
    535,
    "5.7.3",
    "Authentication unsuccessful",
    when=Text(
        "User name and password do not belong together, the account is unknown or disabled; which of them is not said.",
        "ユーザー名とパスワードが一致しない、アカウントが存在しない、または無効です。どれであるかは応答に示されません。",
    ),
    causes=(
        _WRONG_PASSWORD,
        _MANGLED_PASSWORD,
        Text(
            "The account is disabled, deleted, or no HVE account.",
            "アカウントが無効、削除済み、または HVE アカウントではありません。",
        ),
        Text(
            "In Microsoft 365 also: SMTP AUTH is switched off, or an OAuth object ID is not the Enterprise application's.",
            "Microsoft 365 では、SMTP AUTH が無効、または OAuth のオブジェクト ID がエンタープライズ アプリケーションのものでない場合もあります。",
        ),
    ),
    remedies=(
        Text(
            "Try the same credentials with another client, for example `swaks --server HOST:587 -tls -au ADDRESS`.",
            "同じ資格情報を別のクライアントで試してください（例: `swaks --server HOST:587 -tls -au ADDRESS`）。",
        ),
        RESET_PASSWORD,
        Text(
            "Look at the account: `kairan account show ADDRESS`; in Microsoft 365: `Get-MailUser -HVEAccount`.",
            "アカウントの状態を確認してください: `kairan account show ADDRESS`。Microsoft 365 では `Get-MailUser -HVEAccount`",
        ),
    ),
    source=_HVE_PAGE,
    speaker=Speaker.ANY,
    by_token=ByToken(
        when=Text(
            "The token was refused; which part of it is at fault is not said.",
            "トークンが拒否されました。どこに問題があるかは応答に示されません。",
        ),
        causes=(
            Text(
                "The token is for another service: its audience (`aud`) is Microsoft Graph, not https://outlook.office365.com.",
                "別のサービス向けのトークンです。対象サービス（`aud`）が https://outlook.office365.com ではなく Microsoft Graph になっています。",
            ),
            Text(
                "The permission to send is missing, or the consent to it: Mail.Send for High Volume Email, SMTP.SendAsApp or SMTP.Send for a mailbox.",
                "送信のアクセス許可、または管理者の同意がありません（HVE では Mail.Send、メールボックスでは SMTP.SendAsApp または SMTP.Send）。",
            ),
            Text(
                "The user in the XOAUTH2 line is another account than the token is for.",
                "XOAUTH2 の行のユーザーが、トークンのアカウントと異なります。",
            ),
            Text(
                "The application is not allowed for the account: it is not on the HVE account's list, or not registered in Exchange for the mailbox, with the Enterprise application's object ID.",
                "アプリケーションがアカウントに対して許可されていません。エンタープライズ アプリケーションのオブジェクト ID で、HVE アカウントの「許可されたアプリ」に追加されていない、またはメールボックス用に Exchange へ登録されていません。",
            ),
            Text(
                "The token has expired, or comes from another tenant.",
                "トークンの有効期限が切れている、または別のテナントのトークンです。",
            ),
        ),
        remedies=(
            Text(
                "Let the token be judged claim by claim: `kairan doctor token --user ADDRESS < token.txt`.",
                "トークンを項目ごとに判定してください: `kairan doctor token --user ADDRESS < token.txt`",
            ),
            ASK_FOR_EXCHANGE,
            GRANT_MAIL_SEND,
            ALLOW_APP,
        ),
    ),
)

LOGIN_REVOKED = Outcome(
    "login-revoked",
    421,
    "4.7.0",
    "Login is no longer valid, log in again",
    when=Text(
        "What the session's login rested on has changed since: a running message could finish unless it was still being sent, the next one is not begun.",
        "セッションの認証の根拠がその後に変更されました。すでに受信を終えたメッセージは完了しますが、次のメッセージは開始できません。",
    ),
    causes=(
        Text(
            "The account's password was changed, or a policy now forbids passwords.",
            "アカウントのパスワードが変更されたか、ポリシーでパスワードが禁止されました。",
        ),
        Text(
            "The application was taken off the account's list, disabled or removed, or its token's signing key was withdrawn.",
            "アプリケーションがアカウントの「許可されたアプリ」から外されたか、無効化・削除されたか、トークンの署名鍵が取り消されました。",
        ),
        Text(
            "The account may only be used from other networks than this one.",
            "アカウントの利用が、このネットワーク以外に限定されています。",
        ),
    ),
    remedies=(
        Text(
            "Connect and log in again; the reply to that login says what is wrong, if anything is. The trace names the reason: `kairan trace`.",
            "接続し直して再度ログインしてください。問題があれば、その応答が理由を示します。この切断の理由は `kairan trace` で確認できます。",
        ),
        Text(
            "After a new password enter it in every device that uses the account.",
            "パスワードを変更した場合は、そのアカウントを使うすべての機器に入力し直してください。",
        ),
    ),
    source="RFC 5321 section 3.8 (421 closes the channel); rule and text ours",
    speaker=Speaker.KAIRAN,
)

LOGIN_TOO_OLD = Outcome(
    "login-too-old",
    421,
    "4.7.0",
    "Session has lasted too long, log in again",
    when=Text(
        "The session was opened with a password longer ago than such a session may last; the next message is not begun.",
        "パスワードで開いたセッションが有効期間の上限を超えました。次のメッセージは開始できません。",
    ),
    causes=(
        Text(
            "The client holds one session for days.",
            "クライアントが 1 つのセッションを数日間保持しています。",
        ),
    ),
    remedies=(
        Text(
            "Nothing is lost: connect and log in again. Mail libraries with a pool do so by themselves.",
            "失われるものはありません。接続し直してログインしてください。プールを持つメール ライブラリは自動で行います。",
        ),
        Text(
            "The time is `password_session_seconds_max` in [auth].",
            "上限は [auth] の `password_session_seconds_max` です。",
        ),
    ),
    source="RFC 5321 section 3.8 (421 closes the channel); rule and text ours",
    speaker=Speaker.KAIRAN,
)

SESSION_ENDED = Outcome(
    "session-ended",
    421,
    "4.3.2",
    "Session ended by the administrator",
    when=Text(
        "An administrator ended this session by hand.",
        "管理者がこのセッションを手動で終了しました。",
    ),
    causes=(
        Text(
            "`kairan session end` named its account, its address or itself.",
            "`kairan session end` で、そのアカウント、アドレス、またはセッション自体が指定されました。",
        ),
    ),
    remedies=(
        Text(
            "Ask the administrator; a new session may be opened unless the account is disabled.",
            "管理者に確認してください。アカウントが無効でない限り、新しいセッションを開けます。",
        ),
    ),
    source="RFC 5321 section 3.8; rule and text ours",
    speaker=Speaker.KAIRAN,
)

AUTH_THROTTLED = Outcome(
    "auth-throttled",
    454,
    "4.7.0",
    "Temporary authentication failure",
    when=Text(
        "Too many wrong passwords came from this address, for this account; for a while none is looked at.",
        "この接続元からこのアカウントへの誤ったパスワードが多すぎるため、しばらく認証を受け付けません。",
    ),
    causes=(
        Text(
            "A device keeps trying an old password.",
            "機器が古いパスワードで試行し続けています。",
        ),
        Text(
            "Somebody guesses passwords from this address.",
            "この接続元から総当たり攻撃が行われています。",
        ),
        Text(
            "The service is checking as many passwords at once as it may.",
            "同時に検証できるパスワードの数が上限に達しています。",
        ),
    ),
    remedies=(
        RESET_PASSWORD,
        TRY_LATER,
        Text(
            "See where the attempts come from in the service's log (event `auth`).",
            "試行の発信元をサービスのログ（イベント `auth`）で確認してください。",
        ),
    ),
    source="RFC 4954 section 6 (454 4.7.0)",
    speaker=Speaker.KAIRAN,
)

AUTH_CANCELLED = Outcome(
    "auth-cancelled",
    501,
    "5.7.0",
    "Authentication cancelled",
    when=Text(
        "The client gave the login up with a single asterisk.",
        "クライアントが「*」を送り、認証を中止しました。",
    ),
    causes=(
        Text(
            "The client could not get a token or password in time, or did not understand the challenge.",
            "クライアントがトークンやパスワードを取得できなかった、または要求を理解できませんでした。",
        ),
    ),
    remedies=(
        Text(
            "Read the client's own log: it knows why it gave up.",
            "中止の理由はクライアント自身のログを確認してください。",
        ),
    ),
    source="RFC 4954 section 4",
    speaker=Speaker.KAIRAN,
)

AUTH_NOT_BASE64 = Outcome(
    "auth-not-base64",
    501,
    "5.5.2",
    "Cannot decode authentication data",
    when=Text(
        "A line of the login is not base64.",
        "認証データの行が base64 ではありません。",
    ),
    causes=(_BAD_ENCODING,),
    remedies=(_USE_LIBRARY,),
    source="RFC 4954 section 4",
    speaker=Speaker.KAIRAN,
)

AUTH_MALFORMED = Outcome(
    "auth-malformed",
    501,
    "5.5.2",
    "Malformed authentication data",
    when=Text(
        "PLAIN data is not made of authorisation identity, user and password with a zero byte between them.",
        "PLAIN のデータが、認可 ID・ユーザー名・パスワードを 0x00 で区切った形になっていません。",
    ),
    causes=(
        Text(
            "A script joins the parts with a blank, a colon or the two letters \\0.",
            "スクリプトが空白、コロン、または「\\0」という 2 文字で区切っています。",
        ),
        Text(
            "A character of the password is no UTF-8.",
            "パスワードに UTF-8 でない文字が含まれています。",
        ),
    ),
    remedies=(_USE_LIBRARY,),
    source="RFC 4616 section 2",
    speaker=Speaker.KAIRAN,
)

AUTH_MECHANISM_UNKNOWN = Outcome(
    "auth-mechanism-unknown",
    504,
    "5.7.4",
    "Unrecognized authentication type",
    when=Text(
        "The client asks for a mechanism that this listener does not offer.",
        "この受付口が提供していない認証方式が要求されました。",
    ),
    causes=(
        Text(
            "The client insists on CRAM-MD5, NTLM or GSSAPI.",
            "クライアントが CRAM-MD5、NTLM、GSSAPI などに固定されています。",
        ),
        Text(
            "The client knows PLAIN alone, which the real service hides.",
            "クライアントが PLAIN しか使えません（本物の HVE は PLAIN を提示しません）。",
        ),
        Text(
            "Anonymous relay by the MX endpoint with a login tried.",
            "認証に対応しない MX エンドポイントでログインを試みています。",
        ),
        Text(
            'A device listener without TLS (tls = "off") beyond loopback, which takes no logins.',
            'TLS のないデバイス用受付口（tls = "off"）は、ループバック以外ではログインを受け付けません。',
        ),
    ),
    remedies=(
        Text(
            "Set the client to LOGIN, or to XOAUTH2 with a token.",
            "クライアントを LOGIN、またはトークンを使う XOAUTH2 に設定してください。",
        ),
        Text(
            "In Kairan offer PLAIN by `mechanisms` of the intake.",
            "Kairan では intake の `mechanisms` に PLAIN を追加できます。",
        ),
        Text(
            'At a device listener use tls = "starttls", or let the device send without a login; '
            "`auth_in_clear_text` offers logins there to everyone who listens.",
            'デバイス用受付口では tls = "starttls" にするか、ログインなしで送信させてください。'
            "`auth_in_clear_text` を有効にするとパスワードが平文で流れます。",
        ),
    ),
    source=_WIRE + "; RFC 4954 section 4 (504)",
    speaker=Speaker.ANY,
)

AUTH_LINE_TOO_LONG = Outcome(
    "auth-line-too-long",
    500,
    "5.5.6",
    "Authentication exchange line is too long",
    when=Text(
        "A line of the login is longer than 12,288 octets.",
        "認証データの行が 12,288 オクテットを超えています。",
    ),
    causes=(
        Text(
            "A token with very many groups or roles in it.",
            "トークンに非常に多くのグループやロールが含まれています。",
        ),
    ),
    remedies=(
        Text(
            "Entra admin center > App registrations > Token configuration: remove the groups claim from the access token.",
            "Microsoft Entra 管理センター > [アプリの登録] > [トークン構成] で、アクセス トークンからグループ クレームを外してください。",
        ),
    ),
    source="RFC 4954 section 4",
    speaker=Speaker.ANY,
)

AUTH_ALREADY = Outcome(
    "auth-already",
    503,
    "5.5.1",
    "Already authenticated",
    when=Text(
        "A second login came in one session.",
        "1 つのセッションで 2 回目のログインが行われました。",
    ),
    causes=(
        Text(
            "A connection pool lends one session to several accounts.",
            "接続プールが 1 つのセッションを複数のアカウントで使い回しています。",
        ),
    ),
    remedies=(
        Text(
            "Open a session of its own for each account.",
            "アカウントごとに別のセッションを開いてください。",
        ),
    ),
    source="RFC 4954 section 4",
    speaker=Speaker.KAIRAN,
)

AUTH_IN_TRANSACTION = Outcome(
    "auth-in-transaction",
    503,
    "5.5.1",
    "AUTH not permitted during a mail transaction",
    when=Text(
        "AUTH came between MAIL and the end of the message.",
        "MAIL からメッセージ終了までの間に AUTH が送られました。",
    ),
    causes=(
        Text(
            "The client logs in only after it was told to (530), without starting over.",
            "クライアントが 530 応答の後、最初からやり直さずにログインしようとしました。",
        ),
    ),
    remedies=(UPDATE_CLIENT,),
    source="RFC 4954 section 4",
    speaker=Speaker.KAIRAN,
)

AUTH_NEEDS_TLS = Outcome(
    "auth-needs-tls",
    538,
    "5.7.11",
    "Encryption required for requested authentication mechanism",
    when=Text(
        "AUTH came on a connection that is not encrypted.",
        "暗号化されていない接続で AUTH が送られました。",
    ),
    causes=(
        Text(
            "TLS is switched off in the device or application.",
            "機器またはアプリケーションの TLS が無効です。",
        ),
    ),
    remedies=(
        Text(
            "Switch STARTTLS on, and change the password: it has just crossed the network in the clear.",
            "STARTTLS を有効にしてください。パスワードが平文で送られた可能性があるため、変更も必要です。",
        ),
    ),
    source="RFC 4954 section 6 (538 5.7.11)",
    speaker=Speaker.ANY,
)

BASIC_AUTH_NOT_ALLOWED = Outcome(
    "basic-auth-not-allowed",
    535,
    "5.7.139",
    "Authentication unsuccessful, the organization configuration doesn't allow this authentication request.",
    when=Text(
        "Security defaults or an authentication policy block Basic authentication, before the password is looked at.",
        "セキュリティの既定値群または認証ポリシーが、パスワードの確認より前に基本認証をブロックしました。",
    ),
    causes=(
        Text(
            "Security defaults are on: they block Basic authentication for everybody in the organisation.",
            "セキュリティの既定値群が有効で、組織全体の基本認証がブロックされています。",
        ),
        Text(
            "The account's authentication policy, or the organisation's default one, lacks AllowBasicAuthSmtp.",
            "アカウントまたは組織既定の認証ポリシーで AllowBasicAuthSmtp が有効になっていません。",
        ),
    ),
    remedies=(FIND_THE_CONTROL, SECURITY_DEFAULTS_OFF, ALLOW_BASIC_AUTH, USE_OAUTH),
    source=_HVE_PAGE,
)

SECURITY_DEFAULTS_BLOCK = Outcome(
    "security-defaults-block",
    535,
    "5.7.139",
    "Authentication unsuccessful, user is locked by your organization's security defaults policy.",
    when=Text(
        "Security defaults are on; the reply says so by name.",
        "セキュリティの既定値群が有効であることを名指しで示す応答です。",
    ),
    causes=(
        Text(
            "Security defaults block Basic authentication for every account of the organisation.",
            "セキュリティの既定値群が、組織のすべてのアカウントの基本認証をブロックしています。",
        ),
    ),
    remedies=(SECURITY_DEFAULTS_OFF, USE_OAUTH),
    source=_WIRE,
)

BASIC_AUTH_DISABLED = Outcome(
    "basic-auth-disabled",
    535,
    "5.7.139",
    "Authentication unsuccessful, basic authentication is disabled.",
    when=Text(
        "Basic authentication is off for this account or this kind of mailbox.",
        "このアカウントまたはメールボックスの種類では基本認証が無効です。",
    ),
    causes=(
        Text(
            "An authentication policy without AllowBasicAuthSmtp.",
            "AllowBasicAuthSmtp のない認証ポリシーが適用されています。",
        ),
        Text(
            "Basic authentication has been retired for this service.",
            "このサービスの基本認証の提供が終了しています。",
        ),
    ),
    remedies=(FIND_THE_CONTROL, ALLOW_BASIC_AUTH, USE_OAUTH),
    source=_WIRE,
)

SMTP_AUTH_DISABLED_TENANT = Outcome(
    "smtp-auth-disabled-tenant",
    535,
    "5.7.139",
    "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
    when=Text(
        "The organisation's switch for ordinary client submission is off. HVE listeners do not look at it.",
        "組織全体でクライアント送信の SMTP AUTH が無効です。HVE の受付口には影響しません。",
    ),
    causes=(
        Text(
            "The device uses smtp.office365.com, or a listener of the role `client`, in place of the HVE endpoint.",
            "機器が HVE のエンドポイントではなく smtp.office365.com（または `client` ロールの受付口）に接続しています。",
        ),
        Text(
            "SmtpClientAuthenticationDisabled is true, as in every organisation made since January 2020.",
            "SmtpClientAuthenticationDisabled が true です（2020 年 1 月以降に作られた組織の既定値）。",
        ),
    ),
    remedies=(
        Text(
            "For an HVE account set the server to smtp.hve.mx.microsoft, port 587.",
            "HVE アカウントの場合は、サーバーを smtp.hve.mx.microsoft、ポート 587 に設定してください。",
        ),
        Text(
            "For an ordinary mailbox allow it alone: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`; in Kairan: `kairan policy set smtp-client-authentication-disabled off --account ADDRESS`.",
            "通常のメールボックスでは、対象だけを許可してください: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`。Kairan では `kairan policy set smtp-client-authentication-disabled off --account ADDRESS`",
        ),
        Text(
            "For the whole organisation: `Set-TransportConfig -SmtpClientAuthenticationDisabled $false`; in Kairan: `kairan policy set smtp-client-authentication-disabled off`.",
            "組織全体で許可する場合: `Set-TransportConfig -SmtpClientAuthenticationDisabled $false`。Kairan では `kairan policy set smtp-client-authentication-disabled off`",
        ),
    ),
    source=_WIRE,
)

SMTP_AUTH_DISABLED_MAILBOX = Outcome(
    "smtp-auth-disabled-mailbox",
    535,
    "5.7.139",
    "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
    when=Text(
        "The mailbox's own switch for client submission is off; it beats the organisation's.",
        "メールボックス単位でクライアント送信の SMTP AUTH が無効です。組織の設定より優先されます。",
    ),
    causes=(
        Text(
            "An administrator, or a hardening script, switched SMTP AUTH off for this mailbox.",
            "管理者またはセキュリティ強化スクリプトが、このメールボックスの SMTP AUTH を無効にしました。",
        ),
    ),
    remedies=(
        Text(
            "`Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false` ($null follows the organisation). Microsoft 365 admin center > Users > Active users > the user > Mail > Manage email apps > Authenticated SMTP.",
            "`Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`（$null なら組織の設定に従います）。Microsoft 365 管理センターでは [ユーザー] > [アクティブなユーザー] > 対象ユーザー > [メール] > [メール アプリの管理] > [認証済み SMTP]",
        ),
        FIND_THE_CONTROL,
    ),
    source=_WIRE,
)

CRITERIA_NOT_MET = Outcome(
    "criteria-not-met",
    535,
    "5.7.139",
    "Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
    when=Text(
        "Sign-in rules refused the login although the password may be right.",
        "パスワードが正しくても、サインインの条件を満たさないため拒否されました。",
    ),
    causes=(
        Text(
            "A Conditional Access policy (Microsoft Entra ID P1 or higher) blocks legacy authentication or asks for multi-factor authentication.",
            "条件付きアクセス（Microsoft Entra ID P1 以上）がレガシ認証をブロック、または多要素認証を要求しています。",
        ),
        Text(
            "The sign-in was judged risky: unusual place, leaked password.",
            "通常と異なる場所や漏えいしたパスワードなど、危険なサインインと判定されました。",
        ),
    ),
    remedies=(
        Text(
            "Entra admin center > Entra ID > Monitoring & health > Sign-in logs: filter by the account and client app 'Authenticated SMTP', open the tab Conditional Access.",
            "Microsoft Entra 管理センター > [Entra ID] > [監視と正常性] > [サインイン ログ] で、アカウントとクライアント アプリ「認証済み SMTP」で絞り込み、[条件付きアクセス] タブを確認してください。",
        ),
        Text(
            "Exclude the account from that policy, limited to the addresses it sends from; or use OAuth.",
            "そのポリシーから対象アカウントを（送信元アドレスを限定して）除外するか、OAuth を使ってください。",
        ),
    ),
    source=_WIRE + " (github.com/gophish/gophish issue 3220, 2024-08)",
)

CREDENTIALS_INCORRECT = Outcome(
    "credentials-incorrect",
    535,
    "5.7.139",
    "Authentication unsuccessful, the user credentials were incorrect.",
    when=Text(
        "The login was allowed, the password is wrong.",
        "認証自体は許可されていますが、パスワードが誤っています。",
    ),
    causes=(_WRONG_PASSWORD, _MANGLED_PASSWORD),
    remedies=(RESET_PASSWORD,),
    source=_WIRE,
)

STS_UNREACHABLE = Outcome(
    "sts-unreachable",
    535,
    "5.7.139",
    "Authentication unsuccessful, federated STS service was unreachable.",
    when=Text(
        "The account's domain is federated, and the organisation's own sign-in server did not answer.",
        "アカウントのドメインがフェデレーションされており、組織のサインイン サーバーが応答しませんでした。",
    ),
    causes=(
        Text(
            "AD FS, or its proxy, is down or not reachable from the Internet.",
            "AD FS またはそのプロキシが停止している、もしくはインターネットから到達できません。",
        ),
    ),
    remedies=(
        Text(
            "Bring the federation service back, or put the account into a managed domain (name@tenant.onmicrosoft.com).",
            "フェデレーション サービスを復旧するか、アカウントを管理ドメイン（name@tenant.onmicrosoft.com）に移してください。",
        ),
    ),
    source=_PRINTERS_PAGE,
)

STS_WITHOUT_HTTPS = Outcome(
    "sts-without-https",
    535,
    "5.7.139",
    "Authentication unsuccessful, the federated STS URL does not support HTTPS.",
    when=Text(
        "The account's domain is federated with a sign-in address that is not HTTPS.",
        "フェデレーション先のサインイン アドレスが HTTPS ではありません。",
    ),
    causes=(
        Text(
            "The federation settings of the domain hold an http:// address.",
            "ドメインのフェデレーション設定に http:// のアドレスが登録されています。",
        ),
    ),
    remedies=(
        Text(
            "Correct it: `Get-MgDomainFederationConfiguration`, `Update-MgDomainFederationConfiguration`.",
            "次のコマンドで修正してください: `Get-MgDomainFederationConfiguration`、`Update-MgDomainFederationConfiguration`",
        ),
    ),
    source=_PRINTERS_PAGE,
)
