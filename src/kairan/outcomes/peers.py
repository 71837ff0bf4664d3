"""What a next server will not do for us, or cannot: words of traces and bounces."""

from kairan.outcomes.outcome import Outcome, Speaker, Text
from kairan.outcomes.remedies import WATCH_TRACE

_NDR_TABLE = "Microsoft Support: Email non-delivery reports in Exchange Online"
_SEND_AUTHENTICATED = Text(
    "Send to Exchange Online through a connector or an authenticated endpoint that knows this machine.",
    "このマシンを認識するコネクタ、または認証付きのエンドポイントを経由して Exchange Online に送信してください。",
)
_OLD_SERVER = Text(
    "The next server is old, or has the extension switched off.",
    "次のサーバーが古い、または該当の拡張機能が無効になっています。",
)
_SWITCH_ON = Text(
    "Switch it on there, or send the domain's mail by another route.",
    "次のサーバーで有効にするか、ドメインの配信経路を変更してください。",
)

PEER_REFUSED_SESSION = Outcome(
    "peer-refused-session",
    451,
    "4.4.0",
    "The next server refused the session",
    when=Text(
        "The next server answered the connection, EHLO or RSET with a refusal, which stands behind the text; delivery is tried again.",
        "次のサーバーが接続、EHLO または RSET を拒否しました。その応答が本文の後に続きます。配信は再試行されます。",
    ),
    causes=(
        Text(
            "It does not take mail from this machine's address.",
            "このマシンのアドレスからのメールを受け付けていません。",
        ),
        Text("It is overloaded.", "サーバーが過負荷です。"),
    ),
    remedies=(
        Text(
            "Allow this machine there; where it limits connections, set sessions_max in the route.",
            "次のサーバーでこのマシンを許可してください。接続数の制限があれば、経路に sessions_max を指定してください。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.5 (X.4.0)",
    speaker=Speaker.KAIRAN,
)

PEER_REFUSED_LOGIN = Outcome(
    "peer-refused-login",
    451,
    "4.7.8",
    "The login at the next server failed",
    when=Text(
        "The next server did not accept the route's user and password, or offers no mechanism that Kairan knows; mail waits until it does.",
        "次のサーバーが経路のユーザーとパスワードを受け付けない、または対応する認証方式がありません。メールは待機します。",
    ),
    causes=(
        Text("The password has changed.", "パスワードが変更されました。"),
        Text(
            "Basic authentication is switched off for this account.",
            "このアカウントの基本認証が無効です。",
        ),
    ),
    remedies=(
        Text(
            "Put the right password into the route's password_file, and restart.",
            "経路の password_file に正しいパスワードを設定し、再起動してください。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.8 (X.7.8, RFC 4954 section 6)",
    speaker=Speaker.KAIRAN,
)

ACCESS_TOKEN_UNAVAILABLE = Outcome(
    "access-token-unavailable",
    451,
    "4.7.0",
    "No access token for the next server: its issuer cannot be asked",
    when=Text(
        "The next server wants a token, and whoever issues it did not answer, or asked us to wait; mail waits, and it is asked again.",
        "次のサーバーにはトークンが必要ですが、発行元が応答しない、または待機を求めています。メールは待機し、再び要求されます。",
    ),
    causes=(
        Text(
            "No way to the issuer: a firewall, a proxy that is not set, DNS, or an authority of a certificate that is not trusted.",
            "発行元に到達できません（ファイアウォール、プロキシの未設定、DNS、信頼されていない証明機関）。",
        ),
        Text(
            "For a managed identity: this machine has none, or is not in Azure.",
            "マネージド ID の場合: このマシンに割り当てられていない、または Azure 上にありません。",
        ),
        Text("The issuer is down or throttles.", "発行元が停止中、または要求を制限しています。"),
    ),
    remedies=(
        Text(
            "Ask for one by hand and read the answer: `kairan token get NAME`.",
            "手動で要求し、応答を確認してください: `kairan token get NAME`",
        ),
        Text(
            "Where a proxy is needed, set HTTPS_PROXY for the service.",
            "プロキシが必要な場合は、サービスに HTTPS_PROXY を設定してください。",
        ),
    ),
    source="RFC 6749 section 5.2 (temporarily_unavailable); RFC 3463 section 3.8 (X.7.0)",
    speaker=Speaker.KAIRAN,
)

ACCESS_TOKEN_REFUSED = Outcome(
    "access-token-refused",
    451,
    "4.7.8",
    "No access token for the next server: its issuer refuses",
    when=Text(
        "The issuer of tokens does not accept this application; its words stand behind the text. Mail waits until it does.",
        "トークンの発行元がこのアプリケーションを受け付けません。理由は本文の後に続きます。受け付けられるまでメールは待機します。",
    ),
    causes=(
        Text(
            "The client secret is wrong or has expired, or the certificate is not registered for the application.",
            "クライアント シークレットが誤っている、有効期限が切れた、または証明書がアプリケーションに登録されていません。",
        ),
        Text(
            "Client ID or tenant is another one; or the scope is none of the issuer's.",
            "クライアント ID またはテナントが異なる、またはスコープが発行元に存在しません。",
        ),
        Text("Consent for the permission is missing.", "アクセス許可に対する同意がありません。"),
    ),
    remedies=(
        Text(
            "`kairan token get NAME` shows the issuer's answer with its meaning; mend the identity's settings or the application's registration.",
            "`kairan token get NAME` で発行元の応答とその意味を確認し、identity の設定またはアプリの登録を修正してください。",
        ),
    ),
    source="RFC 6749 section 5.2; Entra's AADSTS numbers; RFC 3463 section 3.8",
    speaker=Speaker.KAIRAN,
)

SIGN_IN_NEEDED = Outcome(
    "sign-in-needed",
    451,
    "4.7.8",
    "No access token for the next server: somebody must sign in",
    when=Text(
        "The identity's tokens come from a sign-in with a code, which nobody has done yet, or which holds no more. Mail waits until somebody does.",
        "この identity はコードによるサインインを必要としますが、まだ行われていない、または無効になりました。サインインまでメールは待機します。",
    ),
    causes=(
        Text("Nobody has signed in on this machine.", "このマシンでまだサインインしていません。"),
        Text(
            "The password was changed, the grant was withdrawn, or it was not used for 90 days.",
            "パスワードの変更、許可の取り消し、または 90 日間の未使用により無効になりました。",
        ),
        Text(
            "A Conditional Access rule asks for more, such as multi-factor authentication anew.",
            "条件付きアクセスが、多要素認証の再実行などを要求しています。",
        ),
    ),
    remedies=(
        Text(
            "Sign in as the account: `kairan token get NAME` says where and with which code.",
            "対象のアカウントでサインインしてください: `kairan token get NAME` が URL とコードを表示します。",
        ),
        Text(
            "Better for a service: an application's own token (client credentials), which needs nobody.",
            "サービスには、サインインが不要なアプリケーション自身のトークン（クライアント資格情報）を推奨します。",
        ),
    ),
    source="RFC 8628; RFC 6749 section 5.2 (invalid_grant); RFC 3463 section 3.8",
    speaker=Speaker.KAIRAN,
)

PEER_LACKS_SMTPUTF8 = Outcome(
    "peer-lacks-smtputf8",
    550,
    "5.6.7",
    "The next server does not accept internationalized mail",
    when=Text(
        "An address or header has characters beyond ASCII, and the next server does not offer SMTPUTF8.",
        "アドレスまたはヘッダーに非 ASCII 文字がありますが、次のサーバーが SMTPUTF8 に対応していません。",
    ),
    causes=(_OLD_SERVER,),
    remedies=(
        Text(
            "Send to an ASCII address of the recipient, with encoded words in the header.",
            "受信者の ASCII アドレスに、ヘッダーを符号化して送信してください。",
        ),
        _SWITCH_ON,
    ),
    source="RFC 6531 sections 3.2 and 3.5 (X.6.7)",
    speaker=Speaker.KAIRAN,
)

PEER_LACKS_BINARYMIME = Outcome(
    "peer-lacks-binarymime",
    554,
    "5.6.1",
    "The next server does not accept binary content",
    when=Text(
        "The message came as BINARYMIME, and the next server offers no BINARYMIME with CHUNKING.",
        "メッセージは BINARYMIME ですが、次のサーバーが BINARYMIME と CHUNKING に対応していません。",
    ),
    causes=(_OLD_SERVER,),
    remedies=(
        Text(
            "Let the application send base64 instead of binary parts.",
            "アプリケーションでバイナリの代わりに base64 を使用してください。",
        ),
        _SWITCH_ON,
    ),
    source="RFC 3030 section 3 (X.6.1)",
    speaker=Speaker.KAIRAN,
)

PEER_SIZE_LIMIT = Outcome(
    "peer-size-limit",
    552,
    "5.3.4",
    "The message is larger than the next server accepts",
    when=Text(
        "The next server's SIZE is smaller than the message; it was not sent there.",
        "次のサーバーの SIZE よりメッセージが大きいため、送信しませんでした。",
    ),
    causes=(
        Text("Its limit is lower than ours.", "次のサーバーの制限がこのサーバーより小さいです。"),
    ),
    remedies=(
        Text(
            "Send a link instead of the attachment, or raise the limit there.",
            "添付ファイルの代わりにリンクを送るか、次のサーバーの制限を引き上げてください。",
        ),
    ),
    source="RFC 1870 section 6.1",
    speaker=Speaker.KAIRAN,
)

RELAY_BUSY = Outcome(
    "relay-busy",
    451,
    "4.3.2",
    "No session to the next server is free",
    when=Text(
        "Too many messages wait for a session to the next server, or the service is stopping; delivery is tried again.",
        "次のサーバーへの空きセッションを待つメッセージが多すぎる、または停止処理中です。配信は再試行されます。",
    ),
    causes=(
        Text("The next server takes mail slowly.", "次のサーバーの受信が遅延しています。"),
        Text("The service is being restarted.", "サービスを再起動中です。"),
    ),
    remedies=(
        Text(
            "Raise sessions_max in the route if the next server allows it.",
            "次のサーバーが許可する場合は、経路の sessions_max を増やしてください。",
        ),
        WATCH_TRACE,
    ),
    source="RFC 3463 section 3.4 (X.3.2)",
    speaker=Speaker.KAIRAN,
)

SENDING_ADDRESS_BANNED = Outcome(
    "sending-address-banned",
    550,
    "5.7.606",
    "Access denied, banned sending IP",
    when=Text(
        "Exchange Online takes no mail from this IP address: it is on Microsoft's list of blocked senders (codes 5.7.606 to 5.7.649). Kairan never says this.",
        "送信元 IP アドレスが Microsoft の受信拒否リストに登録されています（5.7.606 ～ 5.7.649）。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "Spam left by this address, from a stolen account, an infected machine or a neighbour behind the same address.",
            "乗っ取られたアカウント、感染した端末、または同じアドレスを共有する他者が迷惑メールを送信しました。",
        ),
        Text(
            "A dynamic or cloud address that had a bad name before it was yours.",
            "動的アドレスやクラウドのアドレスで、以前の利用者の評判が悪いままです。",
        ),
    ),
    remedies=(
        Text(
            "Stop what sent it, then ask for removal at https://sender.office.com with the address in the reply's brackets.",
            "原因となった送信を止めてから、応答の角かっこ内のアドレスの登録解除を https://sender.office.com で申請してください。",
        ),
        _SEND_AUTHENTICATED,
    ),
    source=_NDR_TABLE,
)

TENANT_TRAFFIC_REFUSED = Outcome(
    "tenant-traffic-refused",
    550,
    "5.7.708",
    "Access denied, traffic not accepted from this IP",
    when=Text(
        "Exchange Online has stopped an organisation's own outgoing mail, most of which looked suspicious. Kairan never says this.",
        "組織からの送信の大半が不審と判定され、Exchange Online が送信を停止しました。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "A stolen account or an open relay sends spam through the organisation.",
            "乗っ取られたアカウントやオープン リレーから迷惑メールが送信されています。",
        ),
        Text(
            "The organisation is new and has no good name yet.",
            "新しい組織で、まだ評判が定まっていません。",
        ),
    ),
    remedies=(
        Text(
            "Close the leak, then ask Microsoft support to lift the block.",
            "原因を取り除いてから、Microsoft サポートに解除を依頼してください。",
        ),
    ),
    source=_NDR_TABLE,
)

SENDING_RESTRICTED = Outcome(
    "sending-restricted",
    451,
    "4.7.500",
    "Access denied, please try again later",
    when=Text(
        "Exchange Online slows down this sending address while it judges it (codes 4.7.500 to 4.7.699). Kairan never says this.",
        "Exchange Online が送信元を評価する間、受信を一時的に制限しています（4.7.500 ～ 4.7.699）。Kairan はこの応答を返しません。",
    ),
    causes=(
        Text(
            "Much more mail than this address has sent before.",
            "この送信元アドレスの過去の実績を大きく超える量を送信しました。",
        ),
    ),
    remedies=(
        Text(
            "Let the server try again at its usual pace; honest mail gets through shortly.",
            "通常の間隔で再試行してください。正当なメールであれば、まもなく受け付けられます。",
        ),
        _SEND_AUTHENTICATED,
    ),
    source=_NDR_TABLE,
)
