"""What can be wrong with a device's settings: each finding once, in both languages.

`{}` stands for the detail that the rule gives.  `outcome` is the refusal that the fault ends in,
where it is one of the catalogue's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kairan.doctor.answer import Language, say
from kairan.outcomes.outcome import Text


class Severity(StrEnum):
    ERROR = "error"  # it will not work
    WARNING = "warning"  # it may not work, or not for long
    INFO = "info"


@dataclass(frozen=True, slots=True)
class FindingMeaning:
    severity: Severity
    text: Text
    remedy: Text
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class DeviceFinding:
    """`key` stands in MEANINGS or is a milestone's; `detail` goes into the text."""

    key: str
    severity: Severity
    text: Text
    remedy: Text
    detail: str = ""
    outcome: str = ""

    def said(self, language: Language) -> str:
        return say(self.text, language).replace("{}", self.detail)

    def advised(self, language: Language) -> str:
        return say(self.remedy, language).replace("{}", self.detail)


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

_SET_HVE = Text(
    "Set the server to smtp.hve.mx.microsoft, port 587, STARTTLS.",
    "サーバーを smtp.hve.mx.microsoft、ポート 587、STARTTLS に設定してください。",
)
_HOST_ALONE = Text(
    "Enter the host's name alone: {}",
    "ホスト名だけを入力してください: {}",
)
_SET_STARTTLS = Text(
    "Choose STARTTLS ('TLS' in many devices, not 'SSL') and port 587.",
    "STARTTLS（多くの機器では「SSL」ではなく「TLS」）とポート 587 を選んでください。",
)
_FULL_ADDRESS = Text(
    "Enter the whole address, for example printer@example.com.",
    "アドレス全体を入力してください（例: printer@example.com）。",
)
_PLAIN_PASSWORD = Text(
    "Give the account a long password of small letters and digits: `kairan account password ADDRESS --generate`; in Microsoft 365: `Update-MgUser -UserId ADDRESS -PasswordProfile @{Password='NEW'; ForceChangePasswordNextSignIn=$false}`.",
    "英小文字と数字だけの長いパスワードを設定してください: `kairan account password ADDRESS --generate`。Microsoft 365 では `Update-MgUser -UserId ADDRESS -PasswordProfile @{Password='NEW'; ForceChangePasswordNextSignIn=$false}`",
)
_ALIAS = Text(
    "Make it an address of the account: `kairan account set ADDRESS --add-alias {}`; or send from the login's own address.",
    "そのアドレスをアカウントに追加するか（`kairan account set ADDRESS --add-alias {}`）、ログインと同じアドレスから送信してください。",
)
_DEVICE_LISTENER = Text(
    "If the device cannot do better, add a listener of the role `device` in Kairan for its network alone, and let Kairan speak to the world.",
    "機器側で対応できない場合は、Kairan にそのネットワーク専用の `device` ロールの受付口を用意し、外部との通信は Kairan に任せてください。",
)

MEANINGS: Mapping[str, FindingMeaning] = {
    # The server's name.
    "server-missing": FindingMeaning(
        _E,
        Text("No server is set.", "サーバーが設定されていません。"),
        _SET_HVE,
    ),
    "server-mistranslated": FindingMeaning(
        _E,
        Text(
            "smtp-have.office365.com does not exist: a machine-translated help page printed 'have' for 'hve'.",
            "smtp-have.office365.com は存在しません。機械翻訳のヘルプ ページが「hve」を「have」と誤って記載したものです。",
        ),
        _SET_HVE,
        "name-lookup-failed",
    ),
    "server-misspelt": FindingMeaning(
        _E,
        Text(
            "The server's name looks misspelt; {} is meant.",
            "サーバー名の誤記と思われます。正しくは {} です。",
        ),
        Text(
            "Set the server to {}, copied, not typed.",
            "サーバー名を {} に（手入力せず貼り付けで）設定してください。",
        ),
        "name-lookup-failed",
    ),
    "server-retiring": FindingMeaning(
        _W,
        Text(
            "smtp-hve.office365.com still works, but will be withdrawn at a date not yet named.",
            "smtp-hve.office365.com はまだ使えますが、時期未定で廃止されます。",
        ),
        Text(
            "Set the server to smtp.hve.mx.microsoft now; nothing else changes.",
            "今のうちにサーバーを smtp.hve.mx.microsoft に変更してください。ほかの設定はそのままです。",
        ),
    ),
    "server-client-submission": FindingMeaning(
        _W,
        Text(
            "{} is ordinary client submission, another service than High Volume Email: it wants a licensed mailbox, obeys SmtpClientAuthenticationDisabled, and allows 30 messages a minute over 3 connections.",
            "{} は通常のクライアント送信用で、HVE とは別の受付口です。ライセンス付きメールボックスが必要で、SmtpClientAuthenticationDisabled の対象となり、上限は毎分 30 通・3 接続です。",
        ),
        Text(
            "For an HVE account set the server to smtp.hve.mx.microsoft; for a mailbox leave it, and plan for OAuth.",
            "HVE アカウントの場合は smtp.hve.mx.microsoft に変更してください。メールボックスの場合はそのままとし、OAuth への移行を計画してください。",
        ),
        "smtp-auth-disabled-tenant",
    ),
    "server-legacy-tls": FindingMeaning(
        _W,
        Text(
            "smtp-legacy.office365.com is for clients without TLS 1.2, only with the organisation's consent, and never for HVE accounts.",
            "smtp-legacy.office365.com は TLS 1.2 非対応のクライアント向けで、組織の許可が必要です。HVE アカウントでは使えません。",
        ),
        _DEVICE_LISTENER,
    ),
    "server-direct-send": FindingMeaning(
        _W,
        Text(
            "{} is the organisation's MX (Direct Send): it takes mail for the organisation without a login, on port 25, filters it as foreign mail, and knows no HVE accounts. Where Reject Direct Send is on it refuses.",
            "{} は組織の MX です（Direct Send）。組織宛てのメールをログインなし・ポート 25 で受け付け、外部メールとして検査します。HVE アカウントは使えません。Direct Send の拒否が有効な場合は拒否されます。",
        ),
        Text(
            "Set the server to smtp.hve.mx.microsoft, port 587, STARTTLS, with an HVE account; or make a connector for the device's fixed address.",
            "サーバーを smtp.hve.mx.microsoft、ポート 587、STARTTLS とし、HVE アカウントを使ってください。または、機器の固定 IP アドレス用のコネクタを作成してください。",
        ),
        "direct-send-refused",
    ),
    "direct-send-port": FindingMeaning(
        _E,
        Text(
            "An MX takes mail on port 25, not {}.",
            "MX のポートは {} ではなく 25 です。",
        ),
        Text(
            "Set the port to 25, or send by smtp.hve.mx.microsoft, port 587.",
            "ポートを 25 にするか、smtp.hve.mx.microsoft、ポート 587 に変更してください。",
        ),
        "peer-unreachable",
    ),
    "direct-send-login": FindingMeaning(
        _E,
        Text(
            "A login is set, and an MX takes none.",
            "ログインが設定されていますが、MX は認証を受け付けません。",
        ),
        Text(
            "Switch the login off, or set the server to smtp.hve.mx.microsoft, port 587.",
            "認証を無効にするか、サーバーを smtp.hve.mx.microsoft、ポート 587 に変更してください。",
        ),
        "auth-not-offered",
    ),
    "server-national-cloud": FindingMeaning(
        _W,
        Text(
            "This is client submission of a national cloud: {}. It wants a licensed mailbox there; of High Volume Email in this cloud nothing is published.",
            "各国クラウド（{}）のクライアント送信用です。そのクラウドのライセンス付きメールボックスが必要です。このクラウドでの HVE の提供は公表されていません。",
        ),
        Text(
            "Leave it where the organisation is in that cloud; else set smtp.office365.com or smtp.hve.mx.microsoft.",
            "組織がそのクラウドにある場合はそのままで構いません。それ以外は smtp.office365.com または smtp.hve.mx.microsoft に変更してください。",
        ),
        "smtp-auth-disabled-tenant",
    ),
    "server-consumer": FindingMeaning(
        _W,
        Text(
            "{} is Outlook.com, for personal accounts: it knows no account of an organisation, and takes tokens (OAuth) in place of passwords.",
            "{} は個人用の Outlook.com です。組織のアカウントは使えず、パスワードではなくトークン（OAuth）が必要です。",
        ),
        _SET_HVE,
        "basic-auth-disabled",
    ),
    "server-not-for-sending": FindingMeaning(
        _E,
        Text(
            "{} is Microsoft's, but takes no submissions.",
            "{} は Microsoft のものですが、送信には使えません。",
        ),
        _SET_HVE,
    ),
    "server-ip-address": FindingMeaning(
        _E,
        Text(
            "The server is given as an IP address: it changes without notice, and no certificate fits it.",
            "サーバーが IP アドレスで指定されています。アドレスは予告なく変わり、証明書も一致しません。",
        ),
        Text("Enter the server's DNS name.", "サーバーの DNS 名を入力してください。"),
        "peer-tls-failed",
    ),
    "server-with-port": FindingMeaning(
        _E,
        Text("The port stands in the server's field.", "サーバー欄にポート番号が含まれています。"),
        _HOST_ALONE,
        "name-lookup-failed",
    ),
    "server-with-scheme": FindingMeaning(
        _E,
        Text("The server's field holds a URL.", "サーバー欄に URL が入力されています。"),
        _HOST_ALONE,
        "name-lookup-failed",
    ),
    "server-with-spaces": FindingMeaning(
        _E,
        Text("There is white space in the server's field.", "サーバー欄に空白が含まれています。"),
        _HOST_ALONE,
        "name-lookup-failed",
    ),
    "server-full-width": FindingMeaning(
        _E,
        Text(
            "The server's name holds full-width or other characters outside ASCII.",
            "サーバー名に全角文字など ASCII 以外の文字が含まれています。",
        ),
        _HOST_ALONE,
        "name-lookup-failed",
    ),
    "server-is-address": FindingMeaning(
        _E,
        Text(
            "An e-mail address stands in the server's field.",
            "サーバー欄にメール アドレスが入力されています。",
        ),
        _SET_HVE,
    ),
    "server-invalid": FindingMeaning(
        _E,
        Text("The server's name is no DNS name.", "サーバー名が DNS 名の書式ではありません。"),
        _SET_HVE,
        "name-lookup-failed",
    ),
    "server-long": FindingMeaning(
        _W,
        Text(
            "The server's name is longer than 40 characters; some devices cut it.",
            "サーバー名が 40 文字を超えています。機器によっては途中で切られます。",
        ),
        Text(
            "Print the device's settings and compare.", "機器の設定一覧を印刷して確認してください。"
        ),
    ),
    # Port and TLS.
    "port-invalid": FindingMeaning(
        _E,
        Text("'{}' is no port.", "「{}」はポート番号ではありません。"),
        Text("Set the port to 587.", "ポートを 587 に設定してください。"),
    ),
    "port-465": FindingMeaning(
        _E,
        Text(
            "Port 465 is for TLS from the first byte; Microsoft's endpoints have no such port.",
            "ポート 465 は接続直後から TLS を使う方式用です。Microsoft のエンドポイントは対応していません。",
        ),
        _SET_STARTTLS,
        "peer-unreachable",
    ),
    "port-25": FindingMeaning(
        _W,
        Text(
            "Port 25 is for mail between servers; networks often block it, and HVE does not listen on it.",
            "ポート 25 はサーバー間のメール用で、多くのネットワークで遮断され、HVE は待ち受けていません。",
        ),
        Text("Set the port to 587.", "ポートを 587 に設定してください。"),
        "peer-unreachable",
    ),
    "port-not-587": FindingMeaning(
        _E,
        Text(
            "The endpoint listens on port 587, not {}.",
            "エンドポイントのポートは {} ではなく 587 です。",
        ),
        Text("Set the port to 587.", "ポートを 587 に設定してください。"),
        "peer-unreachable",
    ),
    "tls-off": FindingMeaning(
        _E,
        Text(
            "TLS is off: the server refuses the login, and a password would cross the network in the clear.",
            "TLS が無効です。ログインは拒否され、パスワードが平文で送られるおそれがあります。",
        ),
        _SET_STARTTLS,
        "starttls-required",
    ),
    "tls-off-without-login": FindingMeaning(
        _W,
        Text(
            "TLS is off: only a listener of the role `device` takes such mail, and anybody on the way can read it.",
            "TLS が無効です。受け付けるのは `device` ロールの受付口だけで、経路上で内容を読まれるおそれがあります。",
        ),
        _SET_STARTTLS,
        "starttls-required",
    ),
    "tls-implicit": FindingMeaning(
        _E,
        Text(
            "Implicit TLS ('SSL', 'SSL/TLS', 'wrapper') is set; this port speaks STARTTLS.",
            "暗黙的 TLS（「SSL」「SSL/TLS」「wrapper」）が設定されていますが、この受付口は STARTTLS です。",
        ),
        _SET_STARTTLS,
        "tls-before-starttls",
    ),
    "tls-starttls-on-465": FindingMeaning(
        _W,
        Text(
            "STARTTLS is set with port 465, which is for implicit TLS: client and server would both wait.",
            "ポート 465（暗黙的 TLS 用）に STARTTLS が設定されています。双方が相手を待ち続けます。",
        ),
        Text(
            "Choose port 587 with STARTTLS, or port 465 with implicit TLS.",
            "STARTTLS ならポート 587、暗黙的 TLS ならポート 465 にしてください。",
        ),
        "greeting-never-came",
    ),
    "tls-unreadable": FindingMeaning(
        _W,
        Text("'{}' does not say how TLS is used.", "「{}」からは TLS の方式を判断できません。"),
        Text(
            "Write starttls, implicit or off.",
            "starttls、implicit、off のいずれかで指定してください。",
        ),
    ),
    "tls-old": FindingMeaning(
        _E,
        Text(
            "The device speaks {}; 1.2 is the least that is accepted.",
            "機器の TLS は {} ですが、受け付けられるのは 1.2 以上です。",
        ),
        Text(
            "Update the device's firmware. If its maker has none, add a listener of the role `device` with legacy TLS in Kairan, for its network alone.",
            "機器のファームウェアを更新してください。提供されていない場合は、Kairan にそのネットワーク専用の、旧 TLS を許可した `device` ロールの受付口を用意してください。",
        ),
        "peer-tls-failed",
    ),
    # The login.
    "user-missing": FindingMeaning(
        _E,
        Text(
            "No user is set, so the device does not log in.",
            "ユーザーが未設定のため、ログインが行われません。",
        ),
        Text(
            "Enter the HVE account's address, or list the device's network at a listener of the role `device`.",
            "HVE アカウントのアドレスを入力するか、`device` ロールの受付口に機器のネットワークを登録してください。",
        ),
        "not-authenticated",
    ),
    "user-not-address": FindingMeaning(
        _E,
        Text("The user is no e-mail address.", "ユーザーがメール アドレスではありません。"),
        _FULL_ADDRESS,
        "auth-unsuccessful",
    ),
    "user-with-backslash": FindingMeaning(
        _E,
        Text(
            "The user is written DOMAIN\\name, as for Windows.",
            "ユーザーが Windows 形式（DOMAIN\\name）で書かれています。",
        ),
        _FULL_ADDRESS,
        "auth-unsuccessful",
    ),
    "user-with-spaces": FindingMeaning(
        _E,
        Text("There is white space in the user's field.", "ユーザー欄に空白が含まれています。"),
        _FULL_ADDRESS,
        "auth-unsuccessful",
    ),
    "user-long": FindingMeaning(
        _W,
        Text(
            "The user is longer than 64 characters; many devices cut it.",
            "ユーザーが 64 文字を超えています。多くの機器で途中で切られます。",
        ),
        Text("Give the account a shorter address.", "アカウントのアドレスを短くしてください。"),
        "auth-unsuccessful",
    ),
    "auth-none": FindingMeaning(
        _E,
        Text("The device's login is switched off.", "機器の SMTP 認証が無効です。"),
        Text("Switch SMTP authentication on.", "SMTP 認証を有効にしてください。"),
        "not-authenticated",
    ),
    "auth-mechanism": FindingMeaning(
        _E,
        Text(
            "{} is not offered: LOGIN and XOAUTH2 are.",
            "{} は提供されていません。LOGIN と XOAUTH2 が使えます。",
        ),
        Text(
            "Set the mechanism to LOGIN or XOAUTH2.",
            "認証方式を LOGIN または XOAUTH2 に設定してください。",
        ),
        "auth-mechanism-unknown",
    ),
    "auth-plain-hidden": FindingMeaning(
        _W,
        Text(
            "Microsoft's endpoints do not offer PLAIN; a device that knows nothing else cannot log in.",
            "Microsoft のエンドポイントは PLAIN を提示しません。PLAIN しか使えない機器はログインできません。",
        ),
        Text("Set the mechanism to LOGIN.", "認証方式を LOGIN に設定してください。"),
        "auth-mechanism-unknown",
    ),
    "password-characters": FindingMeaning(
        _W,
        Text(
            "The password holds characters that devices mangle: quotes, backslash, tilde, blanks, or letters outside ASCII.",
            "パスワードに、機器が誤って扱うことのある文字（引用符、円記号、チルダ、空白、ASCII 以外）が含まれています。",
        ),
        _PLAIN_PASSWORD,
        "auth-unsuccessful",
    ),
    "password-edge-space": FindingMeaning(
        _W,
        Text(
            "The password begins or ends with white space, usually copied along by accident.",
            "パスワードの先頭または末尾に空白があります（多くはコピー時の混入です）。",
        ),
        Text("Enter it again without.", "空白を除いて入力し直してください。"),
        "auth-unsuccessful",
    ),
    "password-long": FindingMeaning(
        _W,
        Text(
            "The password is longer than 32 characters; many devices cut it without a word.",
            "パスワードが 32 文字を超えています。多くの機器で警告なく切り捨てられます。",
        ),
        _PLAIN_PASSWORD,
        "auth-unsuccessful",
    ),
    "password-empty": FindingMeaning(
        _E,
        Text("The password is empty.", "パスワードが空です。"),
        _PLAIN_PASSWORD,
        "auth-unsuccessful",
    ),
    # The sender.
    "from-missing": FindingMeaning(
        _W,
        Text("No sender address is set.", "差出人アドレスが設定されていません。"),
        Text(
            "Set the sender to the login's address.",
            "差出人をログインと同じアドレスに設定してください。",
        ),
        "from-invalid",
    ),
    "from-not-address": FindingMeaning(
        _E,
        Text("The sender is no e-mail address.", "差出人がメール アドレスではありません。"),
        Text(
            "Enter the address alone, without a name: printer@example.com.",
            "表示名を付けず、アドレスだけを入力してください（例: printer@example.com）。",
        ),
        "sender-invalid",
    ),
    "from-differs": FindingMeaning(
        _I,
        Text(
            "The sender is another address than the login's; it must be one of the account's.",
            "差出人がログインと異なります。アカウントに属するアドレスである必要があります。",
        ),
        _ALIAS,
        "sender-not-yours",
    ),
    "from-needs-send-as": FindingMeaning(
        _W,
        Text(
            "The sender is another address than the login's: at client submission the mailbox needs the right Send As for {}.",
            "差出人がログインと異なります。クライアント送信では、メールボックスに {} の Send As のアクセス許可が必要です。",
        ),
        Text(
            "Grant it: `Add-RecipientPermission {} -Trustee LOGIN -AccessRights SendAs`; or send from the login's own address.",
            "アクセス許可を付与するか（`Add-RecipientPermission {} -Trustee LOGIN -AccessRights SendAs`）、ログインと同じアドレスから送信してください。",
        ),
        "header-from-not-yours",
    ),
    "hve-billing": FindingMeaning(
        _I,
        Text(
            "A High Volume Email account sends only with a valid billing policy; each delivered recipient is billed.",
            "HVE アカウントの送信には有効な課金ポリシーが必要です。配信された受信者ごとに課金されます。",
        ),
        Text(
            "Check that it says BillingPolicyValid: `Get-HVEAccountBillingPolicy -Identity ADDRESS`.",
            "BillingPolicyValid であることを確認してください: `Get-HVEAccountBillingPolicy -Identity ADDRESS`",
        ),
        "hve-billing-not-valid",
    ),
    "from-foreign-domain": FindingMeaning(
        _W,
        Text(
            "The sender's domain is not the login's: it is refused unless the account has that address, too.",
            "差出人のドメインがログインと異なります。アカウントにそのアドレスがなければ拒否されます。",
        ),
        _ALIAS,
        "sender-not-yours",
    ),
}


def finding(key: str, detail: str = "") -> DeviceFinding:
    meaning = MEANINGS[key]
    return DeviceFinding(
        key, meaning.severity, meaning.text, meaning.remedy, detail, meaning.outcome
    )
