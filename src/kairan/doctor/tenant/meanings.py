"""What each reason means, and what to do: once, in both languages.  `{}` stands for its detail."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kairan.outcomes.outcome import Text
from kairan.outcomes.remedies import ALLOW_APP, ALLOW_BASIC_AUTH, SECURITY_DEFAULTS_OFF


class ReasonKey(StrEnum):
    SECURITY_DEFAULTS = "security-defaults"
    CONDITIONAL_ACCESS = "conditional-access"
    CONDITIONAL_ACCESS_SOMETIMES = "conditional-access-sometimes"
    CONDITIONAL_ACCESS_FOR_SOME = "conditional-access-for-some"
    AUTHENTICATION_POLICY = "authentication-policy"
    DEFAULT_AUTHENTICATION_POLICY = "default-authentication-policy"
    POLICY_UNKNOWN = "policy-unknown"
    TENANT_SWITCH = "tenant-switch"
    MAILBOX_SWITCH = "mailbox-switch"
    NO_ALLOWED_APP = "no-allowed-app"
    APP_NOT_FOUND = "app-not-found"
    APP_DISABLED = "app-disabled"
    TOKEN_RIGHTS_OF_MAILBOX = "token-rights-of-mailbox"  # noqa: S105 - a name, no secret
    BILLING = "billing"
    NOT_READ = "not-read"
    NO_HVE_ACCOUNT = "no-hve-account"
    APPS_FULL = "apps-full"
    REPORT_ONLY = "report-only"
    DIRECT_SEND_REJECTED = "direct-send-rejected"


@dataclass(frozen=True, slots=True)
class ReasonMeaning:
    """`outcome`: the entry of the catalogue that a login hears because of it; empty: none."""

    text: Text
    remedy: Text
    outcome: str = ""


_EXCLUDE = Text(
    "Exclude a group that holds the sending accounts alone, limited to the addresses they send from; or let them log in by a token: Entra admin center > Entra ID > Conditional Access.",
    "送信用アカウントだけのグループを（送信元アドレスを限定して）除外するか、トークンでログインさせてください: Microsoft Entra 管理センター > [Entra ID] > [条件付きアクセス]",
)

MEANINGS: Mapping[ReasonKey, ReasonMeaning] = {
    ReasonKey.SECURITY_DEFAULTS: ReasonMeaning(
        Text(
            "Security defaults are on: they block passwords over SMTP for every account, without exception.",
            "セキュリティの既定値群が有効です。すべてのアカウントの SMTP のパスワード認証が例外なくブロックされます。",
        ),
        SECURITY_DEFAULTS_OFF,
        "basic-auth-not-allowed",
    ),
    ReasonKey.CONDITIONAL_ACCESS: ReasonMeaning(
        Text(
            "The Conditional Access policy '{}' applies, and a password over SMTP cannot meet it.",
            "条件付きアクセス ポリシー「{}」の対象です。SMTP のパスワード認証ではこの条件を満たせません。",
        ),
        _EXCLUDE,
        "criteria-not-met",
    ),
    ReasonKey.CONDITIONAL_ACCESS_SOMETIMES: ReasonMeaning(
        Text(
            "The Conditional Access policy '{}' applies under further conditions (place, platform, risk), which decide at each login.",
            "条件付きアクセス ポリシー「{}」は、場所、プラットフォーム、リスクなどの条件によって、ログインのたびに適用が決まります。",
        ),
        Text(
            "See what it decided: Entra admin center > Entra ID > Monitoring & health > Sign-in logs, client app 'Authenticated SMTP', tab Conditional Access.",
            "適用結果は Microsoft Entra 管理センター > [Entra ID] > [監視と正常性] > [サインイン ログ]（クライアント アプリ「認証済み SMTP」、[条件付きアクセス] タブ）で確認してください。",
        ),
        "criteria-not-met",
    ),
    ReasonKey.CONDITIONAL_ACCESS_FOR_SOME: ReasonMeaning(
        Text(
            "The Conditional Access policy '{}' names groups or roles, and it is not known whether this account is one of them.",
            "条件付きアクセス ポリシー「{}」はグループまたはロールを対象としており、このアカウントが含まれるか不明です。",
        ),
        Text(
            "Run the script with the right to read group memberships, or ask 'What If' in the Conditional Access page.",
            "グループのメンバーシップを読み取れる権限でスクリプトを実行するか、条件付きアクセスの [What If] で確認してください。",
        ),
        "criteria-not-met",
    ),
    ReasonKey.AUTHENTICATION_POLICY: ReasonMeaning(
        Text(
            "The account's authentication policy '{}' does not allow Basic authentication for SMTP.",
            "アカウントの認証ポリシー「{}」で SMTP の基本認証が許可されていません。",
        ),
        ALLOW_BASIC_AUTH,
        "basic-auth-not-allowed",
    ),
    ReasonKey.DEFAULT_AUTHENTICATION_POLICY: ReasonMeaning(
        Text(
            "The organisation's default authentication policy '{}' does not allow Basic authentication for SMTP, and the account has no policy of its own.",
            "組織既定の認証ポリシー「{}」で SMTP の基本認証が許可されておらず、アカウント個別のポリシーもありません。",
        ),
        ALLOW_BASIC_AUTH,
        "basic-auth-not-allowed",
    ),
    ReasonKey.POLICY_UNKNOWN: ReasonMeaning(
        Text(
            "What the authentication policy '{}' allows is not known.",
            "認証ポリシー「{}」の内容が不明です。",
        ),
        Text(
            "Look at it: `Get-AuthenticationPolicy | Format-List Name,AllowBasicAuthSmtp`.",
            "確認してください: `Get-AuthenticationPolicy | Format-List Name,AllowBasicAuthSmtp`",
        ),
    ),
    ReasonKey.TENANT_SWITCH: ReasonMeaning(
        Text(
            "SMTP AUTH is off for the organisation (SmtpClientAuthenticationDisabled), and the mailbox follows it. High Volume Email would not ask.",
            "組織全体で SMTP AUTH が無効（SmtpClientAuthenticationDisabled）で、メールボックスもこれに従います。HVE には影響しません。",
        ),
        Text(
            "For this mailbox alone: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`; better for devices: a High Volume Email account.",
            "このメールボックスだけを許可する場合: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`。機器には HVE アカウントを推奨します。",
        ),
        "smtp-auth-disabled-tenant",
    ),
    ReasonKey.MAILBOX_SWITCH: ReasonMeaning(
        Text(
            "SMTP AUTH is off for this mailbox, whatever the organisation says.",
            "組織の設定にかかわらず、このメールボックスの SMTP AUTH が無効です。",
        ),
        Text(
            "Switch it on: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`.",
            "有効にしてください: `Set-CASMailbox ADDRESS -SmtpClientAuthenticationDisabled $false`",
        ),
        "smtp-auth-disabled-mailbox",
    ),
    ReasonKey.NO_ALLOWED_APP: ReasonMeaning(
        Text(
            "No application is allowed for this account, so none can log in by a token.",
            "「許可されたアプリ」が空のため、トークンでログインできるアプリケーションがありません。",
        ),
        ALLOW_APP,
        "app-not-allowed",
    ),
    ReasonKey.APP_NOT_FOUND: ReasonMeaning(
        Text(
            "The allowed application {} is no Enterprise application of this organisation: its client ID or its registration's object ID was entered, or it was deleted.",
            "「許可されたアプリ」の {} は、この組織のエンタープライズ アプリケーションにありません（クライアント ID やアプリ登録のオブジェクト ID の入力、または削除）。",
        ),
        ALLOW_APP,
        "app-not-allowed",
    ),
    ReasonKey.APP_DISABLED: ReasonMeaning(
        Text("The allowed application {} is disabled.", "「許可されたアプリ」の {} は無効です。"),
        Text(
            "Entra admin center > Enterprise apps > the app > Properties: 'Enabled for users to sign in' to Yes.",
            "Microsoft Entra 管理センター > [エンタープライズ アプリ] > 対象アプリ > [プロパティ] で、ユーザーのサインインを有効にしてください。",
        ),
        "app-not-allowed",
    ),
    ReasonKey.TOKEN_RIGHTS_OF_MAILBOX: ReasonMeaning(
        Text(
            "Whether an application may send as this mailbox (SMTP.SendAsApp with FullAccess, or a sign-in with SMTP.Send) is not read by the script.",
            "アプリケーションがこのメールボックスとして送信できるか（SMTP.SendAsApp と FullAccess、または SMTP.Send でのサインイン）は、スクリプトでは読み取りません。",
        ),
        Text(
            "Judge the token itself: `kairan doctor token --user ADDRESS < token.txt`.",
            "トークン自体を判定してください: `kairan doctor token --user ADDRESS < token.txt`",
        ),
    ),
    ReasonKey.BILLING: ReasonMeaning(
        Text(
            "The account's billing policy is not valid ({}): High Volume Email is interrupted for it.",
            "アカウントの課金ポリシーが有効ではありません（{}）。HVE の送信が中断されます。",
        ),
        Text(
            "Assign a valid one: `Set-HVEAccountBillingPolicy -Identity ADDRESS -BillingPolicyId ID`, ID from `Get-BillingPolicy -ResourceType HVE`; check that its Azure subscription is active.",
            "有効なポリシーを割り当ててください: `Set-HVEAccountBillingPolicy -Identity ADDRESS -BillingPolicyId ID`（ID は `Get-BillingPolicy -ResourceType HVE`）。Azure サブスクリプションが有効かも確認してください。",
        ),
        "hve-billing-not-valid",
    ),
    ReasonKey.NOT_READ: ReasonMeaning(
        Text("Not read: {}.", "読み取れませんでした: {}"),
        Text(
            "Run the script as a Global Reader, with the modules that its head names.",
            "スクリプト冒頭のモジュールを導入し、グローバル閲覧者のロールで実行してください。",
        ),
    ),
    ReasonKey.NO_HVE_ACCOUNT: ReasonMeaning(
        Text(
            "The organisation has no High Volume Email account.",
            "組織に HVE アカウントがありません。",
        ),
        Text(
            "Make one: Exchange admin center > Mail flow > High Volume Email, or `New-MailUser -HVEAccount -Name NAME -PrimarySmtpAddress ADDRESS -Password (Read-Host -AsSecureString)`.",
            "作成してください: Exchange 管理センター > [メール フロー] > [大量メール]、または `New-MailUser -HVEAccount -Name NAME -PrimarySmtpAddress ADDRESS -Password (Read-Host -AsSecureString)`",
        ),
    ),
    ReasonKey.APPS_FULL: ReasonMeaning(
        Text(
            "{} has as many allowed applications as an account may have (10).",
            "{} の「許可されたアプリ」が上限（10）に達しています。",
        ),
        Text(
            "Use another account for the next application.",
            "次のアプリケーションには別のアカウントを使ってください。",
        ),
    ),
    ReasonKey.REPORT_ONLY: ReasonMeaning(
        Text(
            "The Conditional Access policy '{}' only reports; once it is switched on it blocks passwords over SMTP.",
            "条件付きアクセス ポリシー「{}」はレポート専用です。有効にすると SMTP のパスワード認証がブロックされます。",
        ),
        _EXCLUDE,
    ),
    ReasonKey.DIRECT_SEND_REJECTED: ReasonMeaning(
        Text(
            "Direct Send is refused: a device that sends to the MX without a login hears 550 5.7.68.",
            "Direct Send は拒否されます。認証なしで MX に送信する機器には 550 5.7.68 が返ります。",
        ),
        Text(
            "Let such devices log in, or make a connector for their fixed addresses.",
            "該当する機器には認証を設定するか、固定 IP アドレス用のコネクタを作成してください。",
        ),
        "direct-send-refused",
    ),
}
