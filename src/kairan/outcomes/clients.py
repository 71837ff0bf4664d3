"""What mail programs say when a login could not even begin."""

from kairan.outcomes.outcome import Outcome, Speaker, Text

_LOOK_AT_EHLO = Text(
    "See what the server offers, before and after TLS: `kairan doctor probe HOST:PORT`.",
    "TLS の前後でサーバーが提示するものを確認してください: `kairan doctor probe HOST:PORT`",
)
_TLS_FIRST = Text(
    "Switch STARTTLS on and let the client insist on it (Postfix: `smtp_tls_security_level = encrypt`), port 587: Exchange Online and Kairan offer logins behind TLS alone.",
    "STARTTLS（ポート 587）を有効にし、必須に設定してください（Postfix では `smtp_tls_security_level = encrypt`）。Exchange Online と Kairan は TLS の後にだけ認証を提示します。",
)
_LOGIN_OR_TOKEN = Text(
    "Let the client use LOGIN, or XOAUTH2 with a token: Exchange Online offers these two and no PLAIN.",
    "クライアントの認証方式を LOGIN、またはトークンを使う XOAUTH2 に設定してください。Exchange Online が提示するのはこの 2 つで、PLAIN は提示しません。",
)
_NOT_BEFORE_TLS = Text(
    "TLS was not begun: the server offers no login before STARTTLS.",
    "TLS が開始されていません。サーバーは STARTTLS の前には認証を提示しません。",
)

AUTH_NOT_OFFERED = Outcome(
    "auth-not-offered",
    503,
    "5.5.1",
    "Authentication not enabled: the server offers no AUTH here",
    when=Text(
        "The client wants to log in where this server knows no AUTH, or none on this port, or none before TLS.",
        "このサーバーまたはこのポート、あるいは TLS 開始前には AUTH が提供されていないのに、クライアントがログインを試みました。",
    ),
    causes=(
        _NOT_BEFORE_TLS,
        Text(
            "Wrong host or port: port 25 or the organisation's MX takes no logins; another server answers there, or a mail proxy on the way.",
            "ホストまたはポートの誤りです。ポート 25 や組織の MX はログインを受け付けません。別のサーバーや経路上のメール プロキシが応答している場合もあります。",
        ),
        Text(
            "The server knows AUTH, but not the mechanism that the client insists on, often PLAIN.",
            "サーバーは AUTH に対応していますが、クライアントが指定した方式（多くは PLAIN）には対応していません。",
        ),
    ),
    remedies=(
        _TLS_FIRST,
        Text(
            "Correct host and port: smtp.hve.mx.microsoft (High Volume Email) or smtp.office365.com (a mailbox), 587. Where the server wants no login, switch the client's login off.",
            "ホストとポートを修正してください: smtp.hve.mx.microsoft（HVE）または smtp.office365.com（メールボックス）、587。ログイン不要のサーバーの場合は、クライアントの認証を無効にしてください。",
        ),
        _LOGIN_OR_TOKEN,
        _LOOK_AT_EHLO,
    ),
    source="RFC 4954 sections 3 and 4 (AUTH is used where EHLO offers it); texts of Postfix, Exim, sendmail and of mail libraries",
    speaker=Speaker.ANY,
    needs_words=True,
)

NO_MECHANISM_IN_COMMON = Outcome(
    "no-mechanism-in-common",
    454,
    "4.7.0",
    "The server offered no compatible authentication mechanisms",
    when=Text(
        "Client and server have no login mechanism in common, so no login was sent; the client says so, with the code that Postfix gives it.",
        "クライアントとサーバーに共通の認証方式がないため、ログインは行われませんでした。クライアント側のメッセージで、コードは Postfix が付けたものです。",
    ),
    causes=(
        _NOT_BEFORE_TLS,
        Text(
            "The client's plug-in is missing: Cyrus SASL without libsasl2-modules, sasl-xoauth2 not installed, or not to be seen in a chroot.",
            "クライアント側のプラグインがありません（Cyrus SASL の libsasl2-modules や sasl-xoauth2 が未導入、または chroot 内から見えない）。",
        ),
        Text(
            "The client's filter leaves none: Postfix's `smtp_sasl_mechanism_filter`, or `noplaintext` in its default security options, which shuts LOGIN and PLAIN out.",
            "クライアントの設定で除外されています（Postfix の `smtp_sasl_mechanism_filter`、または既定のセキュリティ オプション `noplaintext` による LOGIN と PLAIN の除外）。",
        ),
        Text(
            "The client knows PLAIN, CRAM-MD5 or NTLM alone; Exchange Online offers LOGIN and XOAUTH2.",
            "クライアントが PLAIN、CRAM-MD5、NTLM などにしか対応していません。Exchange Online が提示するのは LOGIN と XOAUTH2 です。",
        ),
    ),
    remedies=(
        _TLS_FIRST,
        Text(
            "Postfix: install libsasl2-modules, set `smtp_sasl_security_options = noanonymous`, and leave the mechanism filter empty or with LOGIN in it.",
            "Postfix: libsasl2-modules を導入し、`smtp_sasl_security_options = noanonymous` を設定してください。方式のフィルターは空にするか、LOGIN を含めてください。",
        ),
        _LOGIN_OR_TOKEN,
        _LOOK_AT_EHLO,
    ),
    source="texts of Postfix (smtp_sasl_glue.c), Cyrus SASL, JavaMail, MailKit, smtplib and msmtp",
    speaker=Speaker.ANY,
    needs_words=True,
)

CREDENTIALS_MISSING = Outcome(
    "credentials-missing",
    454,
    "4.7.0",
    "The client has no user name or no password to log in with",
    when=Text(
        "The client found user name or password empty and sent no login; the server has not judged anything.",
        "クライアント側のユーザー名またはパスワードが空のため、ログインは送信されませんでした。サーバーは何も判定していません。",
    ),
    causes=(
        Text(
            "Postfix: the line of this server in the file of smtp_sasl_password_maps (sasl_passwd) has no user name, only blanks, or is not of the form [HOST]:587 USER:PASSWORD; or postmap was not run after the change.",
            "Postfix: smtp_sasl_password_maps のファイル（sasl_passwd）のこのサーバーの行で、ユーザー名が空または空白だけ、書式が [HOST]:587 USER:PASSWORD になっていない、または変更後に postmap を実行していません。",
        ),
        Text(
            "A variable or secret that fills the settings was empty: an environment variable of a container, a vault that did not answer.",
            "設定に埋め込まれる変数やシークレットが空でした（コンテナーの環境変数、シークレット ストアの取得失敗など）。",
        ),
    ),
    remedies=(
        Text(
            "Postfix: write the line anew, run `postmap /etc/postfix/sasl_passwd`, and ask for it as Postfix does: `postmap -q '[HOST]:587' /etc/postfix/sasl_passwd`.",
            "Postfix: 行を書き直して `postmap /etc/postfix/sasl_passwd` を実行し、Postfix と同じ方法で確認してください: `postmap -q '[HOST]:587' /etc/postfix/sasl_passwd`",
        ),
        Text(
            "An application: print whether user and password are set where the message is sent (not their values), and restart it with both.",
            "アプリケーション: 送信処理の時点でユーザー名とパスワードが設定されているかを（値は出さずに）確認し、両方を設定して再起動してください。",
        ),
    ),
    source="texts of Cyrus SASL (as Postfix logs them), nodemailer and JavaMail",
    speaker=Speaker.ANY,
    needs_words=True,
)

TLS_BEFORE_STARTTLS = Outcome(
    "tls-before-starttls",
    454,
    "4.7.5",
    "TLS began where the server speaks plain text first",
    when=Text(
        "The client began TLS at once, and what came back was no TLS: on this port the server greets in plain text and goes over to TLS by STARTTLS. No login was sent.",
        "クライアントは接続直後に TLS を開始しましたが、返ってきたのは TLS ではありませんでした。このポートではサーバーが平文で応答し、STARTTLS で TLS に切り替えます。ログインは行われていません。",
    ),
    causes=(
        Text(
            "Implicit TLS ('SSL', 'SSL/TLS', 'secure: true', SMTPS, 'wrapper') is set with port 587 or 25, which want STARTTLS.",
            "STARTTLS が必要なポート 587 または 25 に、暗黙的 TLS（「SSL」「SSL/TLS」「secure: true」、SMTPS、「wrapper」）が設定されています。",
        ),
        Text(
            "Something else answers on this port: a proxy, a firewall that speaks SMTP itself, another service.",
            "このポートで別のもの（プロキシ、SMTP に介入するファイアウォール、別のサービス）が応答しています。",
        ),
        Text(
            "Less often: client and server have no version of TLS in common, which some versions of OpenSSL report in the same words.",
            "まれに、共通の TLS バージョンがない場合にも、OpenSSL のバージョンによって同じ文言になります。",
        ),
    ),
    remedies=(
        Text(
            "Choose STARTTLS for port 587 (nodemailer: `secure: false`; PHPMailer: `ENCRYPTION_STARTTLS`; Python: `smtplib.SMTP` and `starttls()`; MailKit: `SecureSocketOptions.StartTls`; Postfix: `smtp_tls_wrappermode = no`).",
            "ポート 587 では STARTTLS を選んでください（nodemailer は `secure: false`、PHPMailer は `ENCRYPTION_STARTTLS`、Python は `smtplib.SMTP` と `starttls()`、MailKit は `SecureSocketOptions.StartTls`、Postfix は `smtp_tls_wrappermode = no`）。",
        ),
        Text(
            "Or keep implicit TLS and use port 465, where the server has it; Exchange Online and High Volume Email do not.",
            "または、サーバーが対応していれば暗黙的 TLS のままポート 465 を使ってください。Exchange Online と HVE は対応していません。",
        ),
        _LOOK_AT_EHLO,
    ),
    source="RFC 3207 section 4, RFC 8314 section 3.3",
    speaker=Speaker.ANY,
    needs_words=True,
)

GREETING_NEVER_CAME = Outcome(
    "greeting-never-came",
    454,
    "4.7.5",
    "No greeting came: the server may be waiting for TLS",
    when=Text(
        "The connection stood, but the client heard no greeting. A server with implicit TLS says nothing before the client has begun TLS; so both wait, until one of them hangs up.",
        "接続はできましたが、サーバーの最初の応答がありませんでした。暗黙的 TLS のサーバーはクライアントが TLS を開始するまで何も送信しないため、双方が待ち続け、どちらかが切断します。",
    ),
    causes=(
        Text(
            "STARTTLS or no TLS is set with port 465, which is for implicit TLS.",
            "暗黙的 TLS 用のポート 465 に、STARTTLS または TLS なしが設定されています。",
        ),
        Text(
            "A firewall or virus scanner takes the connection and lets nothing through, or the server is too busy to greet.",
            "ファイアウォールやウイルス対策ソフトが接続を受けて通信を止めている、またはサーバーが過負荷で応答できません。",
        ),
    ),
    remedies=(
        Text(
            "Port 465: choose implicit TLS ('SSL/TLS'; nodemailer: `secure: true`; PHPMailer: `ENCRYPTION_SMTPS`; Python: `smtplib.SMTP_SSL`; JavaMail: `mail.smtp.ssl.enable`; Postfix: `smtp_tls_wrappermode = yes`).",
            "ポート 465 では暗黙的 TLS を選んでください（「SSL/TLS」、nodemailer は `secure: true`、PHPMailer は `ENCRYPTION_SMTPS`、Python は `smtplib.SMTP_SSL`、JavaMail は `mail.smtp.ssl.enable`、Postfix は `smtp_tls_wrappermode = yes`）。",
        ),
        Text(
            "Or use port 587 with STARTTLS, which Exchange Online and High Volume Email want.",
            "または、Exchange Online と HVE が求める、ポート 587 と STARTTLS を使ってください。",
        ),
        _LOOK_AT_EHLO,
    ),
    source="RFC 8314 section 3.3",
    speaker=Speaker.ANY,
    needs_words=True,
)
