"""What a probe finds that is no reply: the network, TLS, certificates, and which service it is.

Replies have their entries in the catalogue; these faults come without a reply.
"""

from kairan.doctor.probe.step import ProbeMeaning
from kairan.outcomes.outcome import Text

_ASK_NETWORK = Text(
    "Ask the firewall's administrator to allow TCP to this host and port from this machine; compare with `kairan doctor probe` from another network.",
    "このマシンからこのホストとポートへの TCP を許可するよう、ファイアウォールの管理者に依頼してください。別のネットワークから `kairan doctor probe` を実行して比べるのも有効です。",
)
_CHECK_HOST = Text(
    "Compare host and port with the service's instructions: High Volume Email is smtp.hve.mx.microsoft, port 587, STARTTLS.",
    "ホスト名とポートをサービスの説明と照合してください。High Volume Email は smtp.hve.mx.microsoft、ポート 587、STARTTLS です。",
)
_GIVE_CA = Text(
    "If the server's authority is your own, give its certificate: --ca FILE, and install it in the devices.",
    "社内の認証局を使っている場合は、その証明書を --ca FILE で指定し、機器にもインストールしてください。",
)
_RENEW = Text(
    "Let the server's operator renew the certificate.",
    "サーバーの管理者に証明書の更新を依頼してください。",
)
_INSPECTION = Text(
    "A firewall or mail proxy on the way reads or alters SMTP.",
    "経路上のファイアウォールやメール プロキシが SMTP を検査または改変しています。",
)
_INSPECTION_OFF = Text(
    "Switch SMTP inspection ('fixup', 'ESMTP inspect') off for this connection.",
    "この接続に対する SMTP 検査（「fixup」「ESMTP inspect」）を無効にしてください。",
)

NAME_UNKNOWN = ProbeMeaning(
    "name-unknown",
    Text("The host's name does not exist in DNS.", "ホスト名が DNS に存在しません。"),
    (
        Text(
            "A typing error, as in smtp-have.office365.com for smtp-hve.office365.com.",
            "入力ミスです（例: smtp-hve.office365.com を smtp-have.office365.com とする）。",
        ),
        Text(
            "The name exists only inside another network, or was retired.",
            "別のネットワーク内でのみ有効な名前、または廃止された名前です。",
        ),
    ),
    (
        _CHECK_HOST,
        Text(
            "Ask DNS directly: `nslookup HOST`, and again with another server: `nslookup HOST 1.1.1.1`.",
            "DNS に直接問い合わせてください: `nslookup HOST`、別のサーバーでも `nslookup HOST 1.1.1.1`",
        ),
    ),
)
NAME_NOT_LOOKED_UP = ProbeMeaning(
    "name-not-looked-up",
    Text(
        "The name could not be looked up: no DNS server answered.",
        "名前解決ができませんでした。DNS サーバーが応答しません。",
    ),
    (
        Text(
            "This machine has no network, or no DNS server set.",
            "このマシンがネットワークに接続されていない、または DNS サーバーが設定されていません。",
        ),
        Text(
            "A firewall blocks DNS (port 53) from here.",
            "ファイアウォールが DNS（ポート 53）を遮断しています。",
        ),
    ),
    (
        Text(
            "Look at this machine's network and DNS settings; nothing is known of the mail server yet.",
            "このマシンのネットワークと DNS の設定を確認してください。メール サーバーの状態はまだ分かっていません。",
        ),
    ),
)
CONNECT_TIMEOUT = ProbeMeaning(
    "connect-timeout",
    Text(
        "Nothing answers at this port: packets are dropped on the way.",
        "このポートから応答がありません。パケットが途中で破棄されています。",
    ),
    (
        Text(
            "A firewall between here and the server drops the connection.",
            "途中のファイアウォールが接続を破棄しています。",
        ),
        Text("The host or port is wrong.", "ホストまたはポートの誤りです。"),
    ),
    (_CHECK_HOST, _ASK_NETWORK),
)
PORT_25_BLOCKED = ProbeMeaning(
    "port-25-blocked",
    Text(
        "Port 25 does not answer; most providers and clouds block it against spam.",
        "ポート 25 が応答しません。多くのプロバイダーやクラウドは迷惑メール対策として遮断しています。",
    ),
    CONNECT_TIMEOUT.causes,
    (
        Text(
            "Use submission: port 587 with STARTTLS. High Volume Email has no other.",
            "ポート 587（STARTTLS）を使用してください。High Volume Email は 587 のみです。",
        ),
        _ASK_NETWORK,
    ),
)
CONNECTION_REFUSED = ProbeMeaning(
    "connection-refused",
    Text(
        "The host is there, but no server listens at this port.",
        "ホストには到達しましたが、このポートで待ち受けているものがありません。",
    ),
    (
        Text("The port is wrong.", "ポートの誤りです。"),
        Text("The service is not running.", "サービスが起動していません。"),
        Text(
            "A firewall refuses on the server's behalf.",
            "ファイアウォールがサーバーに代わって拒否しています。",
        ),
    ),
    (
        _CHECK_HOST,
        Text(
            "On the server: is the service running, and at which port?",
            "サーバー側で、サービスの起動状態と待ち受けポートを確認してください。",
        ),
    ),
)
UNREACHABLE = ProbeMeaning(
    "network-unreachable",
    Text(
        "There is no way to this address from here.", "ここからこのアドレスへの経路がありません。"
    ),
    (
        Text(
            "This machine has no such network (often: IPv6 in DNS, none here).",
            "このマシンに該当するネットワークがありません（DNS に IPv6 があり、手元にない場合など）。",
        ),
    ),
    (
        Text(
            "Look at this machine's network: gateway, VPN, proxy.",
            "このマシンのネットワーク（ゲートウェイ、VPN、プロキシ）を確認してください。",
        ),
        _ASK_NETWORK,
    ),
)
SOME_ADDRESSES_FAIL = ProbeMeaning(
    "some-addresses-fail",
    Text(
        "Some of the host's addresses do not answer; devices that try only the first will fail.",
        "一部のアドレスが応答しません。最初のアドレスだけを試す機器では失敗します。",
    ),
    UNREACHABLE.causes,
    (
        Text(
            "Switch IPv6 off in the device, or make the network carry it.",
            "機器の IPv6 を無効にするか、ネットワークを IPv6 に対応させてください。",
        ),
    ),
)
GREETING_SILENT = ProbeMeaning(
    "greeting-silent",
    Text(
        "The connection is made, but the server does not greet.",
        "接続はできましたが、サーバーが最初の応答を返しません。",
    ),
    (
        _INSPECTION,
        Text(
            "The server looks up this machine's address first, or is overloaded.",
            "サーバーが接続元アドレスの逆引きをしている、または過負荷です。",
        ),
        Text("It is no mail server.", "メール サーバーではありません。"),
    ),
    (
        Text("Try again with a longer --timeout.", "--timeout を長くして再試行してください。"),
        _CHECK_HOST,
        _INSPECTION_OFF,
    ),
)
IMPLICIT_TLS_PORT = ProbeMeaning(
    "implicit-tls-port",
    Text(
        "This port expects TLS from the first octet ('SSL/TLS'), not STARTTLS.",
        "このポートは最初から TLS（「SSL/TLS」）で接続する必要があります。STARTTLS ではありません。",
    ),
    (
        Text(
            "Port and kind of TLS do not belong together: 465 is implicit, 587 is STARTTLS.",
            "ポートと TLS の方式が合っていません（465 は暗黙的 TLS、587 は STARTTLS）。",
        ),
    ),
    (
        Text(
            "Probe again with --tls implicit; in the device choose 'SSL/TLS' for this port, or port 587 with STARTTLS.",
            "--tls implicit で再度調べてください。機器ではこのポートに「SSL/TLS」を選ぶか、ポート 587 と STARTTLS を使用してください。",
        ),
    ),
)
STARTTLS_PORT = ProbeMeaning(
    "starttls-port",
    Text(
        "This port speaks plain SMTP first: TLS comes by STARTTLS, not from the first octet.",
        "このポートは平文の SMTP で始まります。TLS は STARTTLS で開始します。",
    ),
    IMPLICIT_TLS_PORT.causes,
    (
        Text(
            "Probe again with --tls starttls; in the device choose STARTTLS ('TLS'), not 'SSL'.",
            "--tls starttls で再度調べてください。機器では「SSL」ではなく STARTTLS（「TLS」）を選んでください。",
        ),
    ),
)
NOT_SMTP = ProbeMeaning(
    "not-smtp",
    Text("What answers here does not speak SMTP.", "応答したのは SMTP サーバーではありません。"),
    (
        Text("The port is another service's.", "別のサービスのポートです。"),
        _INSPECTION,
    ),
    (_CHECK_HOST,),
)
CLOSED_EARLY = ProbeMeaning(
    "closed-early",
    Text(
        "The server closed the connection instead of answering.",
        "サーバーが応答せずに接続を閉じました。",
    ),
    (
        Text(
            "It does not take connections from this machine's address, or from so many at once.",
            "このマシンのアドレスからの接続、または同時接続数を許可していません。",
        ),
        _INSPECTION,
    ),
    (
        Text(
            "Look into the server's log at this time; allow this address there.",
            "この時刻のサーバーのログを確認し、このアドレスを許可してください。",
        ),
        _INSPECTION_OFF,
    ),
)
STEP_TIMEOUT = ProbeMeaning(
    "answer-timeout",
    Text("No answer came in time.", "時間内に応答がありませんでした。"),
    (
        Text("The server is overloaded.", "サーバーが過負荷です。"),
        _INSPECTION,
    ),
    GREETING_SILENT.remedies,
)
SMTP_INSPECTION = ProbeMeaning(
    "smtp-inspection",
    Text(
        "Something between here and the server overwrites its words (*** or XXXX).",
        "途中の機器がサーバーの応答を書き換えています（*** や XXXX）。",
    ),
    (_INSPECTION,),
    (_INSPECTION_OFF,),
)
STARTTLS_MISSING = ProbeMeaning(
    "starttls-not-offered",
    Text(
        "The server does not offer STARTTLS; no credentials were sent.",
        "サーバーが STARTTLS を提示しません。資格情報は送信していません。",
    ),
    (
        Text("TLS is switched off there.", "サーバー側で TLS が無効です。"),
        _INSPECTION,
    ),
    (
        Text(
            "Switch TLS on in the server, or use the port that has it.",
            "サーバーで TLS を有効にするか、TLS に対応したポートを使用してください。",
        ),
        _INSPECTION_OFF,
    ),
)
STARTTLS_INJECTION = ProbeMeaning(
    "starttls-injection",
    Text(
        "Octets came in plain text behind the answer to STARTTLS; they may have been put there on the way, so the probe stopped.",
        "STARTTLS の応答の後に平文のデータが届きました。第三者の介入の可能性があるため中止しました。",
    ),
    (_INSPECTION,),
    (_INSPECTION_OFF,),
)
AUTH_BEFORE_TLS = ProbeMeaning(
    "auth-before-tls",
    Text(
        "The server offers login before TLS: a device without TLS would send its password readable by anybody.",
        "サーバーが TLS の前に認証を提示しています。TLS を使わない機器はパスワードを平文で送信してしまいます。",
    ),
    (),
    (
        Text(
            "Let the server offer AUTH after STARTTLS only (Postfix: smtpd_tls_auth_only = yes).",
            "AUTH は STARTTLS の後にのみ提示するよう設定してください（Postfix: smtpd_tls_auth_only = yes）。",
        ),
    ),
)
TLS_FAILED = ProbeMeaning(
    "tls-handshake-failed",
    Text(
        "Client and server could not agree on TLS.",
        "TLS のネゴシエーションに失敗しました。",
    ),
    (
        Text(
            "The server knows only TLS 1.0 or 1.1, or ciphers that are no longer taken.",
            "サーバーが TLS 1.0/1.1 または廃止された暗号しか使えません。",
        ),
        _INSPECTION,
    ),
    (
        Text(
            "Let the server speak TLS 1.2 or 1.3.",
            "サーバーを TLS 1.2 または 1.3 に対応させてください。",
        ),
        _INSPECTION_OFF,
    ),
)
CERTIFICATE_EXPIRED = ProbeMeaning(
    "certificate-expired",
    Text("The certificate has expired.", "証明書の有効期限が切れています。"),
    (
        Text("Its renewal was forgotten or failed.", "更新を忘れた、または更新に失敗しました。"),
        Text("This machine's clock is wrong.", "このマシンの時計がずれています。"),
    ),
    (_RENEW,),
)
CERTIFICATE_NOT_YET = ProbeMeaning(
    "certificate-not-yet-valid",
    Text("The certificate is not valid yet.", "証明書の有効期間がまだ始まっていません。"),
    (Text("This machine's clock is wrong.", "このマシンの時計がずれています。"),),
    (
        Text(
            "Set the clock of this machine, and of the device.",
            "このマシンと機器の時計を合わせてください。",
        ),
    ),
)
CERTIFICATE_ENDS_SOON = ProbeMeaning(
    "certificate-ends-soon",
    Text("The certificate expires within days.", "証明書の有効期限が間近です。"),
    (),
    (_RENEW,),
)
CERTIFICATE_NAME = ProbeMeaning(
    "certificate-wrong-name",
    Text(
        "The certificate is for other names than this host.",
        "証明書に記載された名前が、このホスト名と一致しません。",
    ),
    (
        Text(
            "The host was given by another name or by its address.",
            "別名や IP アドレスで指定しています。",
        ),
        Text(
            "Something on the way answers in the server's place.",
            "経路上の別の機器が応答しています。",
        ),
    ),
    (
        Text(
            "Use one of the names that the certificate has, in the device too.",
            "機器側も含め、証明書に記載された名前で接続してください。",
        ),
    ),
)
CERTIFICATE_SELF_SIGNED = ProbeMeaning(
    "certificate-self-signed",
    Text(
        "The certificate is signed by an authority that this machine does not know, or by itself.",
        "証明書が自己署名、またはこのマシンが信頼していない認証局によるものです。",
    ),
    (
        Text("The authority is your own organisation's.", "社内の認証局です。"),
        Text("TLS is opened on the way by a proxy.", "経路上のプロキシが TLS を復号しています。"),
    ),
    (
        _GIVE_CA,
        Text(
            "Else let the server use a certificate of a public authority.",
            "それ以外の場合は、公的な認証局の証明書をサーバーに設定してください。",
        ),
    ),
)
CERTIFICATE_CHAIN = ProbeMeaning(
    "certificate-chain-incomplete",
    Text(
        "The certificate's issuer is not known here: its chain is incomplete, or its authority is not trusted.",
        "証明書の発行者を確認できません。中間証明書の不足、または信頼されていない認証局です。",
    ),
    (
        Text(
            "The server does not send the intermediate certificate.",
            "サーバーが中間証明書を送信していません。",
        ),
        *CERTIFICATE_SELF_SIGNED.causes,
    ),
    (
        Text(
            "Let the server send its whole chain ('fullchain.pem').",
            "サーバーに証明書チェーン全体（fullchain.pem）を設定してください。",
        ),
        _GIVE_CA,
    ),
)
CERTIFICATE_OTHER = ProbeMeaning(
    "certificate-not-trusted",
    Text("The certificate does not verify.", "証明書を検証できません。"),
    (),
    (_RENEW, _GIVE_CA),
)
INSECURE = ProbeMeaning(
    "insecure",
    Text(
        "WARNING: --insecure: credentials go to a server whose identity is NOT proven. Change the password afterwards if in doubt.",
        "警告: --insecure が指定されたため、身元を確認できないサーバーに資格情報を送信します。不安がある場合は後でパスワードを変更してください。",
    ),
)
CREDENTIALS_HELD_BACK = ProbeMeaning(
    "credentials-held-back",
    Text(
        "No credentials were sent: the server has not proven who it is.",
        "サーバーの身元を確認できないため、資格情報は送信していません。",
    ),
    (),
    (
        Text(
            "Repair the certificate; --insecure goes on regardless, for a test in your own network.",
            "証明書を修正してください。自社ネットワーク内の試験に限り、--insecure で続行できます。",
        ),
    ),
)
NO_MECHANISM = ProbeMeaning(
    "no-usable-mechanism",
    Text(
        "The server offers no way of login that fits what was given.",
        "与えられた資格情報で使える認証方式をサーバーが提示していません。",
    ),
    (
        Text(
            "Passwords (or tokens) are switched off there.",
            "パスワード（またはトークン）認証が無効です。",
        ),
        Text("It is a port without login, such as 25.", "認証のないポート（25 など）です。"),
    ),
    (
        Text(
            "Give what the server takes: a password for PLAIN and LOGIN, a token for XOAUTH2 and OAUTHBEARER; submission is port 587.",
            "サーバーが対応する資格情報を使用してください（PLAIN と LOGIN はパスワード、XOAUTH2 と OAUTHBEARER はトークン）。送信用ポートは 587 です。",
        ),
    ),
)
TOKEN_NOT_GIVEN = ProbeMeaning(
    "token-not-given",
    Text(
        "The token endpoint gave no token.",
        "トークン エンドポイントがトークンを発行しませんでした。",
    ),
    (
        Text(
            "Client id, secret or scope is wrong, or the secret has expired.",
            "クライアント ID、シークレット、スコープの誤り、またはシークレットの期限切れです。",
        ),
        Text(
            "The address is wrong, or not reachable from here.",
            "URL の誤り、または到達できません。",
        ),
    ),
    (
        Text(
            "Read the endpoint's words above; in Entra: App registrations > the app > Certificates & secrets.",
            "上記の応答を確認してください。Entra では [アプリの登録] > 対象アプリ > [証明書とシークレット] です。",
        ),
    ),
)
