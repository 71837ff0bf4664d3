"""Remedies that several entries share, written and translated once."""

from kairan.outcomes.outcome import Text

TRY_LATER = Text(
    "Keep the message and send it again after some minutes; a queueing sender does so by itself.",
    "メッセージを破棄せず、数分後に再送してください。キューを持つ送信側であれば自動で再送されます。",
)
USE_A_QUEUE = Text(
    "If the application cannot send again by itself, let it send to a queue nearby: Kairan, which takes the message and tries again for it.",
    "アプリケーション自身が再送できない場合は、近くのキューに送信してください（Kairan がメッセージを預かり、代わりに再試行します）。",
)
UPDATE_CLIENT = Text(
    "Update the sending software or its mail library, or report the fault to its maker with this reply.",
    "送信ソフトウェアまたはそのメール ライブラリを更新するか、この応答を添えて開発元に報告してください。",
)
WATCH_TRACE = Text(
    "See what the service did with the message: `kairan trace --message-id ID`.",
    "サービスがそのメッセージをどう処理したかを確認します: `kairan trace --message-id ID`",
)
FIND_THE_CONTROL = Text(
    "Find the control that blocks: `kairan policy explain ADDRESS`; in Microsoft 365 in this order: security defaults (Entra admin center: Entra ID > Overview > Properties), Conditional Access (Entra ID > Monitoring & health > Sign-in logs), authentication policy (`Get-User ADDRESS | Format-List AuthenticationPolicy`, else `Get-OrganizationConfig | Format-List DefaultAuthenticationPolicy`).",
    "ブロックしている制御を確認してください: `kairan policy explain ADDRESS`。Microsoft 365 では次の順に確認します: セキュリティの既定値群（Microsoft Entra 管理センター: [Entra ID] > [概要] > [プロパティ]）、条件付きアクセス（[Entra ID] > [監視と正常性] > [サインイン ログ]）、認証ポリシー（`Get-User ADDRESS | Format-List AuthenticationPolicy`、未設定なら `Get-OrganizationConfig | Format-List DefaultAuthenticationPolicy`）。",
)
USE_OAUTH = Text(
    "Sign in with OAuth (XOAUTH2) in place of a password: the controls on Basic authentication do not touch it.",
    "パスワードの代わりに OAuth（XOAUTH2）でサインインしてください。基本認証に対する制御の影響を受けません。",
)
RESET_PASSWORD = Text(
    "Set a new password and enter it anew in the device: `kairan account password ADDRESS`; in Microsoft 365: `Update-MgUser -UserId ADDRESS -PasswordProfile @{Password='NEW'; ForceChangePasswordNextSignIn=$false}`.",
    "新しいパスワードを設定し、機器にも入力し直してください: `kairan account password ADDRESS`。Microsoft 365 では `Update-MgUser -UserId ADDRESS -PasswordProfile @{Password='NEW'; ForceChangePasswordNextSignIn=$false}`",
)
SECURITY_DEFAULTS_OFF = Text(
    "Exclude the account from the block: replace security defaults by Conditional Access (which needs Microsoft Entra ID P1 or higher) with an excluded group of HVE accounts; or switch them off in the Entra admin center: Entra ID > Overview > Properties > Manage security defaults; in Kairan: `kairan policy set security-defaults off`.",
    "アカウントをブロックの対象から外してください。セキュリティの既定値群を条件付きアクセス（Microsoft Entra ID P1 以上）に置き換え、HVE アカウントのグループを除外するのが望ましい方法です。無効にする場合は Microsoft Entra 管理センターの [Entra ID] > [概要] > [プロパティ] > [セキュリティの既定値群の管理] から行います。Kairan では `kairan policy set security-defaults off`",
)
ALLOW_BASIC_AUTH = Text(
    "Give the account a policy that allows Basic authentication for SMTP: `New-AuthenticationPolicy -Name HVE -AllowBasicAuthSmtp`, then `Set-User ADDRESS -AuthenticationPolicy HVE`; in Kairan: `kairan policy add HVE --allow-basic-auth-smtp on`, then `kairan policy assign HVE ADDRESS`.",
    "SMTP の基本認証を許可する認証ポリシーをアカウントに割り当ててください: `New-AuthenticationPolicy -Name HVE -AllowBasicAuthSmtp` の後に `Set-User ADDRESS -AuthenticationPolicy HVE`。Kairan では `kairan policy add HVE --allow-basic-auth-smtp on` の後に `kairan policy assign HVE ADDRESS`",
)
NEW_TOKEN = Text(
    "Get a new token, and get the next one at least 10 minutes before this one expires.",
    "新しいトークンを取得してください。次回以降は、有効期限の 10 分以上前に更新してください。",
)
XOAUTH2_SHAPE = Text(
    "Build the text as user=ADDRESS, byte 0x01, auth=Bearer TOKEN, byte 0x01, byte 0x01, and encode the whole in base64 without line breaks.",
    "「user=ADDRESS」、0x01 の 1 バイト、「auth=Bearer TOKEN」、0x01 を 2 バイト、の順に連結し、全体を改行なしの base64 で符号化してください。",
)
ALLOW_APP = Text(
    "Add the application to the account's allowed apps by its Enterprise application object ID: `Add-HVEAppAccess -Identity ADDRESS -AppIds OBJECT-ID` (takes up to 5 minutes); in Kairan: `kairan account set ADDRESS --allow-app OBJECT-ID`.",
    "アプリケーションを、エンタープライズ アプリケーションのオブジェクト ID でアカウントの「許可されたアプリ」（Allowed Apps）に追加してください: `Add-HVEAppAccess -Identity ADDRESS -AppIds OBJECT-ID`（反映まで最大 5 分）。Kairan では `kairan account set ADDRESS --allow-app OBJECT-ID`",
)
ASK_FOR_EXCHANGE = Text(
    "Ask the token endpoint for the scope https://outlook.office365.com/.default, not for one of Microsoft Graph.",
    "トークン エンドポイントには、Microsoft Graph のスコープではなく https://outlook.office365.com/.default を要求してください。",
)
GRANT_MAIL_SEND = Text(
    "Entra admin center > App registrations > the app > API permissions: Office 365 Exchange Online > Application permissions > Mail.Send (Delegated permissions where the account itself signs in), then grant admin consent and get a new token.",
    "Microsoft Entra 管理センター > [アプリの登録] > 対象アプリ > [API のアクセス許可] で、Office 365 Exchange Online の [アプリケーションの許可]（アカウント自身がサインインする場合は [委任されたアクセス許可]）から Mail.Send を追加し、管理者の同意を与えた上で、新しいトークンを取得してください。",
)
SEND_TO_GROUP = Text(
    "Address a group in place of its members: a distribution group counts as one recipient. For many who change, a dynamic distribution group (`New-DynamicDistributionGroup`) takes its members from the directory.",
    "個々のメンバーではなくグループを宛先にしてください。配布グループは受信者 1 件として数えられます。多数で入れ替わりのある宛先には、ディレクトリの属性からメンバーが決まる動的配布グループ（`New-DynamicDistributionGroup`）が適しています。",
)
FIX_ADDRESS = Text(
    "Correct the address, and look for white space, a display name or a missing domain in the field it came from.",
    "アドレスを修正してください。入力元の欄に空白、表示名、ドメインの欠落がないかも確認してください。",
)
