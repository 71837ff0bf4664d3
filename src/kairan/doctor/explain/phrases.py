"""By which words an entry of the catalogue is known, besides the text that we ourselves send.

Exchange's own wording, the Japanese of the troubleshooting page, what mail libraries say when they
hide the reply, and codes that others use for the same.  Case, punctuation and white space do not
count.  A phrase here says what happened whatever the code beside it: Exchange packs several
faults into one code (5.2.0, 5.7.139), and libraries drop codes.
"""

from collections.abc import Mapping

from kairan.outcomes.outcome import Speaker

PHRASES: Mapping[str, tuple[str, ...]] = {
    # Listeners and TLS.
    "starttls-required": (
        "Must issue a STARTTLS command first",
        "STARTTLS extension not supported by server",
        "SMTP AUTH extension not supported by server",
        "Server does not support secure connections",
        "Could not convert socket to TLS because the server",
        "STARTTLS が必要",
    ),
    "greeting-too-early": (
        "wrong version number",
        "Unsupported or unrecognized SSL message",
        "Unrecognized SSL message, plaintext connection",
        "record layer failure",
        "packet length too long",
        "Cannot determine the frame size or a corrupted frame was received",
        "The handshake failed due to an unexpected packet format",
    ),
    "idle-timeout": ("Timeout waiting for client input", "timeout exceeded from client"),
    "too-many-errors": ("Too many invalid commands", "Too many protocol errors"),
    # Login.
    "not-authenticated": (
        "Client was not authenticated",
        "Client not authenticated to send",
        "client was not authenticated to send anonymous mail",
        "SMTP server requires a secure connection or the client was not authenticated",
        "Authentication required",
        "Must be authenticated",
    ),
    "auth-unsuccessful": (
        "Username and Password not accepted",
        "Could not authenticate",
        "authentication failed: authentication failure",
        "Invalid login or password",
        "Authentication credentials invalid",
    ),
    "auth-mechanism-unknown": (
        "No suitable authentication method found",
        "No supported authentication mechanisms found",
        "no mechanism available",
        "No authentication mechansims supported by both server and client",
        "No authentication mechanisms supported by both server and client",
        "cannot use a secure authentication method",
        "is not compatible with authentication mechanism",
        "None of the authentication methods supported by the server is supported",
    ),
    "basic-auth-not-allowed": (
        "organization configuration doesn't allow this authentication request",
        "organization構成では、この認証要求は許可されません",
        "組織の構成では、この認証要求は許可されません",
        "組織構成では、この認証要求は許可されません",
    ),
    "security-defaults-block": (
        "user is locked by your organization's security defaults policy",
        "security defaults policy",
        "セキュリティの既定値ポリシーによってロック",
        "セキュリティの既定値群ポリシー",
    ),
    "basic-auth-disabled": (
        "basic authentication is disabled",
        "基本認証が無効",
        "基本認証は無効",
    ),
    "smtp-auth-disabled-tenant": (
        "SmtpClientAuthentication is disabled for the Tenant",
        "SmtpClientAuthentication がテナントに対して無効",
        "テナントの SmtpClientAuthentication が無効",
    ),
    "smtp-auth-disabled-mailbox": (
        "SmtpClientAuthentication is disabled for the Mailbox",
        "メールボックスの SmtpClientAuthentication が無効",
    ),
    "criteria-not-met": (
        "did not meet the criteria to be authenticated",
        "認証に成功するための条件を満たしていません",
        "正常に認証される条件を満たしていません",
    ),
    "credentials-incorrect": (
        "user credentials were incorrect",
        "ユーザー資格情報が正しくありません",
        "ユーザーの資格情報が正しくありません",
    ),
    "sts-unreachable": (
        "federated STS service was unreachable",
        "フェデレーション STS サービスに到達できません",
    ),
    "sts-without-https": (
        "federated STS URL does not support HTTPS",
        "フェデレーション STS URL は HTTPS をサポートしていません",
    ),
    # Tokens.
    "xoauth2-not-base64": (
        "Invalid XOAUTH2 argument",
        "引数XOAUTH2無効です",
        "XOAUTH2引数が無効",
        "XOAUTH2 の引数が無効",
    ),
    "xoauth2-user-missing": (
        "No user address provided",
        "User address not provided",
        "ユーザー アドレスが指定されていません",
    ),
    "xoauth2-user-invalid": (
        "User address provided is not valid",
        "指定されたユーザー アドレスが無効です",
    ),
    "xoauth2-type-missing": (
        "Auth type not present",
        "Auth type data is not present",
        "認証の種類のデータが存在しません",
    ),
    "xoauth2-token-missing": (
        "Auth token not present",
        "Auth token is not present",
        "認証トークンが存在しません",
    ),
    "token-expires-soon": ("Token will expire soon", "トークンは間もなく期限切れになります"),
    "token-expires-soon-2026": ("Token will expire soon", "トークンは間もなく期限切れになります"),
    "token-expired": (
        "token has expired in AAD",
        "token expired in AAD",
        "AAD でトークンの有効期限が切れています",
        "トークンの有効期限が切れています",
    ),
    "token-expired-2026": ("期限切れのトークン",),
    "token-permission": (
        "the app has wrong permissions",
        "app has wrong permissions",
        "アプリで間違ったアクセス許可が設定されている",
    ),
    "token-permission-2026": (
        "Invalid API permissions",
        "API のアクセス許可が無効",
    ),
    "app-not-allowed": (
        "application is not allowed for use with this High Volume Email account",
        "このアプリケーションは、この大量メール アカウントでの使用を許可されていません",
    ),
    # Senders.
    "sender-not-yours": (
        "does not have permissions to send as this sender",
        "Sender address rejected: not owned by user",
    ),
    "hve-sender-mismatch": ("does not have permissions to send as this sender",),
    "header-from-not-yours": ("SendAsDenied", "not allowed to send as"),
    "sender-throttled-for-send-as": ("throttled due to continuous send as denied",),
    "bad-outbound-sender": (
        "bad outbound sender",
        "OutboundSpamException",
        "WASCL UserAction verdict",
        "because you're suspected of sending spam",
    ),
    "unregistered-domain": ("blocked from sending from unregistered domain",),
    "from-invalid": ("This message does not have a valid From", "5322.From address"),
    # Recipients.
    "relay-denied": (
        "Unable to relay",
        "Relay access denied",
        "Relaying denied",
        "ATTR36",
        "TenantAttribution",
    ),
    "recipient-unknown": (
        "RESOLVER.ADR.RecipientNotFound",
        "RESOLVER.ADR.ExRecipNotFound",
        "RecipientNotFound",
        "Recipient not found by SMTP address lookup",
        "User unknown in",
        "Recipient address rejected: Access denied",
        "The email account that you tried to reach does not exist",
    ),
    "recipient-restricted": (
        "SenderNotAuthenticatedForMailbox",
        "RESOLVER.RST.AuthRequired",
        "RESOLVER.RST.RestrictedToRecipientsPermission",
    ),
    "group-sender-not-allowed": ("RESOLVER.RST.NotAuthorized",),
    "group-sender-not-authenticated": ("SenderNotAuthenticatedForGroup",),
    "recipient-threads-exceeded": ("recipient thread limit exceeded",),
    "receiving-rate-exceeded": (
        "per hour message receive limit",
        "limit for the number of messages they can receive per hour",
        "RESOLVER.ADR.RecipRateLimit",
    ),
    # Messages.
    "message-too-large": (
        "message size exceeds",
        "exceeds the maximum supported size",
        "exceeds size limit",
    ),
    "bare-line-ending": (
        "BareLinefeedsAreIllegal",
        "bare linefeed",
        "bare <LF>",
        "bare newline received",
    ),
    "routing-loop": ("Hop count exceeded",),
    "loop-detected": ("Hop count exceeded", "mail loops back to", "too many hops"),
    # Limits.
    "connections-exceeded": (
        "Concurrent connections limit exceeded",
        "aka.ms/concurrent_sending",
        "同時接続数の制限を超えました",
    ),
    "daily-quota-exceeded": ("SubmissionQuotaExceededException",),
    "sent-items-full": ("STOREDRV.Submission.Exception:QuotaExceededException",),
    "reputation-volume": ("AS780090",),
    "recipient-limit-daily": (
        "daily recipient limit",
        "reached your daily limit for message recipients",
        "exceeds the recipient rate limit",
    ),
    "tenant-threshold": ("tenant has exceeded threshold",),
    "sending-address-banned": ("banned sending IP", "sender.office.com"),
    "tenant-traffic-refused": ("traffic not accepted from this IP",),
    # What a client finds before any reply.
    "name-lookup-failed": (
        "ENOTFOUND",
        "Name or service not known",
        "nodename nor servname provided",
        "getaddrinfo failed",
        "No such host is known",
        "Temporary failure in name resolution",
        "remote name could not be resolved",
        "UnknownHostException",
        "Host or domain name not found",
        "Host not found",
        "そのようなホストは不明です",
    ),
    "peer-unreachable": (
        "Connection refused",
        "ECONNREFUSED",
        "ETIMEDOUT",
        "Connection timed out",
        "actively refused",
        "Network is unreachable",
        "No route to host",
        "Unable to connect to the remote server",
        "Could not connect to SMTP host",
        "Greeting never received",
        "failed to connect to server",
        "リモート サーバーに接続できません",
    ),
    "peer-dropped": (
        "Connection unexpectedly closed",
        "lost connection with",
        "Connection reset by peer",
        "ECONNRESET",
        "forcibly closed by the remote host",
        "Server has closed the connection",
    ),
    "peer-tls-failed": (
        "certificate verify failed",
        "self signed certificate",
        "self-signed certificate",
        "PKIX path building failed",
        "remote certificate is invalid",
        "certificate has expired",
        "unable to verify the first certificate",
        "alert protocol version",
        "unsupported protocol",
        "Cannot start TLS",
        "TLS is required, but was not offered",
        "Could not convert socket to TLS",
        "handshake failure",
    ),
    "message-expired": ("QUEUE.Expired", "message expired"),
}

# Whose text is said by too many servers on too many occasions: it counts beside its code alone.
COMMON_WORDS = frozenset(
    {
        "auth-already",
        "auth-cancelled",
        "auth-throttled",
        "auth-unsuccessful",
        "bad-sequence",
        "command-not-implemented",
        "command-unknown",
        "delivery-not-authorised",
        "disk-low",
        "idle-timeout",
        "line-too-long",
        "need-mail",
        "need-rcpt",
        "oauth-unsuccessful",
        "parameter-unknown",
        "recipient-invalid",
        "sender-invalid",
        "sender-throttled",
        "shutting-down",
        "syntax-error",
        "tls-already",
        "tls-handshake-failed",
        "token-expired-2026",
        "too-many-connections",
        "too-many-recipients",
    }
)
# Likewise as words of a translation.
COMMON_PHRASES: Mapping[str, tuple[str, ...]] = {
    "auth-unsuccessful": (
        "認証に失敗しました",
        "Authentication failed",
        "SASL authentication failed",
    ),
    "oauth-unsuccessful": ("認証に失敗しました", "Authentication failed"),
    "xoauth2-format": ("Invalid XOAUTH2 auth data", "認証データXOAUTH2無効です"),
    "too-many-recipients": ("too many recipients",),
}

# Other servers', and Exchange's further, codes for the same thing.
OTHER_CODES: Mapping[str, tuple[str, Speaker]] = {
    "5.1.1": ("recipient-unknown", Speaker.ANY),
    # Exchange's edge, for addresses that the directory has not.
    "5.4.1": ("recipient-unknown", Speaker.EXCHANGE),
    "5.2.122": ("receiving-rate-exceeded", Speaker.EXCHANGE),
    "5.2.253": ("sender-throttled", Speaker.EXCHANGE),
    "5.2.254": ("sender-throttled", Speaker.EXCHANGE),
    "5.2.255": ("sender-throttled", Speaker.EXCHANGE),
    "5.5.3": ("too-many-recipients", Speaker.ANY),
    "5.7.12": ("recipient-restricted", Speaker.EXCHANGE),
    "5.7.136": ("recipient-restricted", Speaker.EXCHANGE),
    "5.7.64": ("relay-denied", Speaker.EXCHANGE),
    "5.7.8": ("auth-unsuccessful", Speaker.ANY),
    "5.7.9": ("auth-mechanism-unknown", Speaker.ANY),
    "5.2.3": ("message-too-large", Speaker.ANY),
}

# Where nothing else decides, what is met most often comes first.
LIKELY_FIRST: tuple[str, ...] = (
    "auth-unsuccessful",
    "basic-auth-not-allowed",
    "smtp-auth-disabled-tenant",
    "credentials-incorrect",
    "security-defaults-block",
    "basic-auth-disabled",
    "criteria-not-met",
    "connections-exceeded",
    "header-from-not-yours",
    "recipient-unknown",
    "delivery-not-authorised",
)
