"""Refusals as clients, relays and bounces show them: what each means, and what it must not be taken for."""

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.explain.explain import UNKNOWN, explain, verdict_of
from kairan.doctor.explain.text import lines_of
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Speaker

HOST = "[TYAPR01CA0099.jpnprd01.prod.outlook.com 2027-01-12T03:11:40.107Z 08DE51A2C0FFEE01]"
SAID = f"550 5.7.30 Basic authentication is not supported for Client Submission. {HOST}"
DIRECT = "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources"

ROWS = [
    # Basic authentication for client submission is gone.
    (SAID, "client-basic-auth-ended"),
    ("550 5.7.30", "client-basic-auth-ended"),
    ("550-5.7.30 Basic authentication is not supported\r\n550 5.7.30 for Client Submission.", "client-basic-auth-ended"),
    (f"smtplib.SMTPAuthenticationError: (550, b'5.7.30 Basic authentication is not supported for Client Submission. {HOST}')", "client-basic-auth-ended"),
    (f"SMTP ERROR: Password command failed: {SAID}\nSMTP Error: Could not authenticate.", "client-basic-auth-ended"),
    (f"msmtp: authentication failed (method LOGIN)\nmsmtp: server message: {SAID}\nmsmtp: could not send mail", "client-basic-auth-ended"),
    (f"jakarta.mail.AuthenticationFailedException: {SAID}\n\n\tat org.eclipse.angus.mail.smtp.SMTPTransport$Authenticator.authenticate(SMTPTransport.java:965)", "client-basic-auth-ended"),
    (f"Error: Invalid login: {SAID}\n    at SMTPConnection._formatError (index.js:790:19) {{\n  code: 'EAUTH',\n  responseCode: 550,\n  command: 'AUTH LOGIN'\n}}", "client-basic-auth-ended"),
    ("System.Net.Mail.SmtpException: Transaction failed. The server response was: 5.7.30 Basic authentication is not supported for Client Submission.", "client-basic-auth-ended"),
    (f"Jan 12 03:11:41 gate postfix/smtp[77]: 1A2B3C4D5E: to=<a@contoso.test>, relay=smtp.office365.com[192.0.2.7]:587, delay=3, dsn=5.7.30, status=bounced (SASL authentication failed; server smtp.office365.com[192.0.2.7] said: {SAID})", "client-basic-auth-ended"),
    (f"2027-01-12 03:11:41 1rNxyz-0001 == a@contoso.test R=smarthost T=remote_smtp_smarthost defer (0): smtp.office365.com [192.0.2.7] LOGIN authenticator failed H=smtp.office365.com {SAID}", "client-basic-auth-ended"),
    (f"< {SAID}\n* Closing connection\ncurl: (67) Login denied", "client-basic-auth-ended"),
    # Direct Send.
    (DIRECT, "direct-send-refused"),
    (f"<< {DIRECT} {HOST}", "direct-send-refused"),
    (f"Scan to E-mail: send error\nReply: {DIRECT.replace('Direct Send', 'Direct' + chr(10) + '  Send')}", "direct-send-refused"),
    (f"scan@contoso.test: host contoso-test.mail.protection.outlook.com[192.0.2.8] said: {DIRECT} (in reply to end of DATA command)", "direct-send-refused"),
    ("550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set", "partner-connector-refused"),
    # The organisation's limits and bans.
    ("Remote server returned '550 5.7.233 - Your message can't be\n sent because your tenant has exceeded its daily limit for\n sending email to external recipients'", "tenant-external-limit"),
    ("550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)", "tenant-external-limit"),
    ("550 5.7.501 Service unavailable. Access denied, spam abuse detected. S(1408)", "sender-banned"),
    ("550 5.7.502 Access denied, banned sender [x@contoso.test]", "sender-banned"),
    ("smtp;550 5.7.503 Access denied, banned sender", "sender-banned"),
    ("550 5.7.800 Access denied, banned sender", "sender-banned"),
    ("550 5.7.511 Access denied, banned sender[192.0.2.9]. To request removal from this list please forward this message to delist@messaging.microsoft.com", "sending-address-banned"),
    ("550 5.7.509: Access denied, sending domain fabrikam.test does not pass DMARC verification and has a DMARC policy of reject.", "dmarc-failed"),
    ("550; 5.7.515 Access denied, sending domain FABRIKAM.TEST doesn't meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the sender.", "sender-authentication-level"),
    ("status=bounced (host eop.test said: 550 5.7.711 Access denied, bad inbound connector. AS(2204) [x.prod.protection.outlook.com] (in reply to end of DATA command))", "connector-banned"),
    ("451 4.7.650 The mail server [192.0.2.9] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S843)", "address-rate-limited"),
    ("451 4.7.651 The mail server [192.0.2.9] has been temporarily rate limited due to IP reputation. (S3114)", "address-rate-limited"),
    ("451 4.7.500 Server busy. Please try again later from [192.0.2.9]. (AS77712344)", "sending-restricted"),
    # Exchange Online's own trouble.
    ("451 4.7.0 Temporary server error. Please try again later. PRX2 [AM5PR0701CA0008.eurprd07.prod.outlook.com]", "exchange-transient"),
    ("smtp;451 4.7.0 Temporary server error. Please try again later. PRX6 NextHop: mx.contoso.test [mx.contoso.test]", "exchange-transient"),
    ("MailKit.Net.Smtp.SmtpCommandException: 4.3.2 Temporary server error. Please try again later ATTR17", "exchange-transient"),
    ("451 4.4.3 Temporary server error. Please try again later ATTR18", "exchange-transient"),
    ("452 4.3.1 Insufficient system resources (TSTE) [SN1NAM02FT001.eop-nam02.prod.protection.outlook.com]", "exchange-transient"),
    ("smtplib.SMTPDataError: (451, b'4.4.23 Message failed to be replicated: No healthy secondary server available to accept replica at this time.')", "exchange-transient"),
    ("450 4.7.3 Organization queue quota exceeded. [outlook.com]", "exchange-transient"),
    ("421 4.3.2 The maximum number of concurrent connections per resource forest has exceeded a limit, closing transmission channel. mx.contoso.test. PRX8", "exchange-transient"),
    ("451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268", "wrong-region"),
    ("451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5", "tenant-without-subscription"),
    # Limits that come with another basic code than the table's.
    ("smtp;554 5.2.121 The recipient has exceeded their limit for the number of messages they can receive per hour.", "receiving-rate-exceeded"),
    ("550 5.2.122 Recipient's per hour message receive limit exceeded", "receiving-rate-exceeded"),
    ("Your message can't be sent because you've reached your daily limit for message recipients.", "recipient-limit-daily"),
    # Billing of High Volume Email.
    ("BillingPolicyStatus : NoProperBillingPolicyStored", "hve-billing-not-valid"),
    ("Identity: hve@contoso.test\nBillingPolicyStatus: SubscriptionIsNotActive", "hve-billing-not-valid"),
    # No AUTH here.
    ("Error: Invalid login: 502 Command not implemented\n  code: 'EAUTH',\n  responseCode: 502,\n  command: 'AUTH PLAIN'", "auth-not-offered"),
    ("Error: Invalid login: 500 5.3.3 Unrecognized command", "auth-not-offered"),
    ("Error: Invalid login: 503 5.5.1 Error: authentication not enabled", "auth-not-offered"),
    ("smtplib.SMTPNotSupportedError: SMTP AUTH extension not supported by server.", "auth-not-offered"),
    ("smtplib.SMTPAuthenticationError: (502, b'5.5.1 Unrecognized command')", "auth-not-offered"),
    ("SMTP ERROR: AUTH command failed: 502 5.5.2 Error: command not recognized", "auth-not-offered"),
    ("CLIENT -> SERVER: AUTH LOGIN\nSERVER -> CLIENT: 503 5.5.1 Error: authentication not enabled", "auth-not-offered"),
    ("2027-01-12 03:11:41 CLIENT -> SERVER: AUTH PLAIN\n2027-01-12 03:11:41 SERVER -> CLIENT: 502 Command not implemented", "auth-not-offered"),
    ("AUTH CRAM-MD5\r\n502 unimplemented (#5.5.1)", "auth-not-offered"),
    ("C: AUTH PLAIN AGEAYg==\nS: 500 5.3.3 Unrecognized command", "auth-not-offered"),
    ("javax.mail.AuthenticationFailedException: 502 5.5.1 Command not implemented", "auth-not-offered"),
    ("503 AUTH command used when not advertised", "auth-not-offered"),
    ("send: smtp: server doesn't support AUTH", "auth-not-offered"),
    ("MailKit: The SMTP server does not support authentication.", "auth-not-offered"),
    ("*** Host did not advertise authentication", "auth-not-offered"),
    ("status=deferred (SASL authentication failed; server mx.contoso.test[192.0.2.7] said: 502 5.5.1 Command not implemented)", "auth-not-offered"),
    # No mechanism in common.
    ("status=deferred (SASL authentication failed: server smtp.office365.com[192.0.2.7] offered no compatible authentication mechanisms for this type of connection security)", "no-mechanism-in-common"),
    ("warning: SASL authentication failure: No worthy mechs found", "no-mechanism-in-common"),
    ("SASL authentication failed; cannot authenticate to server smtp.hve.mx.microsoft[192.0.2.7]: no mechanism available", "no-mechanism-in-common"),
    ("javax.mail.AuthenticationFailedException: No authentication mechanisms supported by both server and client", "no-mechanism-in-common"),
    ("smtplib.SMTPException: No suitable authentication method found.", "no-mechanism-in-common"),
    ("msmtp: cannot use a secure authentication method", "no-mechanism-in-common"),
    ("MailKit.Security.AuthenticationException: No compatible authentication mechanisms found.", "no-mechanism-in-common"),
    # Nothing to log in with.
    ("postfix/smtp[5]: warning: SASL authentication failure: All-whitespace username.", "credentials-missing"),
    ("jakarta.mail.AuthenticationFailedException: failed to connect, no password specified?", "credentials-missing"),
    ("Error: Missing credentials for \"PLAIN\"\n  code: 'EAUTH',\n  command: 'API'", "credentials-missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key"), ROWS, ids=[f"{n}-{key}" for n, (_, key) in enumerate(ROWS)]
)
def test_it_is_told_what_it_means_and_nothing_else(text, key):
    explanations = explain(text)
    assert [one.key for one in explanations] == [key]
    assert verdict_of(explanations) is Verdict.PROBLEM


@pytest.mark.parametrize(
    ("text", "key"), ROWS, ids=[f"{n}-{key}" for n, (_, key) in enumerate(ROWS)]
)
@pytest.mark.parametrize("wrap", ["{}", "> {}", "\t{}\r\n", '"{}"', "Diagnostic-Code: smtp; {}"])
def test_quotes_and_wrapping_change_nothing(text, key, wrap):
    assert [one.key for one in explain(wrap.format(text))] == [key]


@pytest.mark.parametrize(
    ("text", "key"), ROWS, ids=[f"{n}-{key}" for n, (_, key) in enumerate(ROWS)]
)
def test_nothing_of_it_is_taken_for_ours(text, key):
    assert not [one.key for one in explain(text) if CATALOGUE[one.key].speaker is Speaker.KAIRAN]


@pytest.mark.parametrize(
    "text",
    [
        # Other servers' use of the same numbers, and replies that no entry fits.
        "550-5.7.30 This mail has been blocked because the sender is unauthenticated. DKIM = did not pass gsmtp",
        "550-5.7.26 This mail is unauthenticated, which poses a security risk. gsmtp",
        "451 4.7.0",
        "dsn=4.7.0, status=deferred (generic failure)",
        "421 4.7.0 [TSS04] Messages from 192.0.2.9 temporarily deferred due to user complaints",
        "421 4.3.2 Service not available [outlook.com]",
        "451 4.4.0 Primary target IP address responded with: 421 4.2.1 Unable to connect",
        "452 4.3.1 Insufficient system storage",
        "EHLO gate\r\n502 Command not implemented\r\nHELO gate\r\n250 mx",
        "> EXPN staff\n< 502 5.5.1 not here",
        "550 5.7.1 Email rejected per DMARC policy for fabrikam.test",
        "450 4.2.0 greylisted, AUTH PLAIN is not needed",
        "size=502 AUTH LOGIN",
    ],
)
def test_what_is_not_told_by_it_stays_unknown(text):
    assert {one.key for one in explain(text)} == {UNKNOWN}
    assert verdict_of(explain(text)) is Verdict.UNCLEAR


@pytest.mark.parametrize(
    ("text", "key", "word", "japanese"),
    [
        ("AADSTS7000229: The client application is missing service principal in the tenant", "access-token-refused", "service principal", "サービス プリンシパル"),
        ('{"error":"invalid_client","error_description":"AADSTS700027: Client assertion contains an invalid signature."}', "access-token-refused", "certificate", "証明書"),
        ("msal: {'error': 'invalid_client', 'error_description': 'AADSTS7000215: Invalid client secret provided.'}", "access-token-refused", "secret is wrong", "シークレットが誤って"),
        ("gate postfix/smtp[9]: warning: SASL authentication failure: TokenStore::Refresh: AADSTS50173: The provided grant has expired", "sign-in-needed", "withdrawn", "取り消されて"),
        ("Azure.Identity.AuthenticationFailedException: AADSTS50055: The password is expired.", "sign-in-needed", "password has expired", "パスワードの有効期限"),
        ("AADSTS90014: The required field 'scope' is missing from the credential.", "access-token-refused", "field of the request is missing", "必須フィールド"),
        ("AADSTS53003: Access has been blocked by Conditional Access policies.", "sign-in-needed", "Conditional Access", "条件付きアクセス"),
        ("aadsts987654: something new", "access-token-refused", "its own words", "本文に示されて"),
    ],
)  # fmt: skip
def test_a_number_of_entra_is_explained_wherever_it_stands(text, key, word, japanese):
    (one,) = explain(text)
    assert one.key == key
    assert word in "\n".join(line.text for line in lines_of((one,), Language.EN))
    assert japanese in "\n".join(line.text for line in lines_of((one,), Language.JA))


@pytest.mark.parametrize("number", ["7000229", "700027"])
def test_a_number_that_is_no_wrong_secret_does_not_blame_the_secret(number):
    (one,) = explain(f"invalid_client: AADSTS{number}: no")
    assert "secret is wrong" not in one.advice.causes[0].en


def test_where_client_submission_ends_hve_and_a_gateway_are_named_with_the_dates():
    said = "\n".join(line.text for line in lines_of(explain(SAID), Language.EN))
    assert "High Volume Email" in said
    assert "gateway" in said
    assert "XOAUTH2" in said
    assert "December 2026" in said


def test_high_volume_email_is_no_way_out_of_a_limit_on_external_recipients():
    said = "\n".join(line.text for line in lines_of(explain("550 5.7.233"), Language.EN))
    assert "no way out" in said


TLS_AT_ONCE = [
    # As clients write it that began TLS on a STARTTLS port, whoever the server is.
    "ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)",
    "SSL_connect returned=1 errno=0 peeraddr=198.51.100.3:587 state=SSLv3/TLS write client hello: wrong version number",
    "Error: 00A9A805B77F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/openssl/ssl/record/methods/tlsany_meth.c:77:",
    "[Error: 101057795:error:140770FC:SSL routines:SSL23_GET_SERVER_HELLO:unknown protocol:openssl\\ssl\\s23_clnt.c:794:]",
    "ssl.SSLError: [SSL: UNKNOWN_PROTOCOL] unknown protocol (_ssl.c:590)",
    "140735: error:0A0000C6:SSL routines:tls_get_more_records:packet length too long:ssl/record/methods/tls_common.c:655:",
    "javax.mail.MessagingException: Could not connect to SMTP host: smtp.office365.com, port: 587; nested exception is: javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
    "javax.net.ssl.SSLException: Unrecognized SSL message, plaintext connection?",
    "failed to send email: tls: first record does not look like a TLS handshake",
    "MailKit.Security.SslHandshakeException: An error occurred while attempting to establish an SSL or TLS connection. --> The handshake failed due to an unexpected packet format.",
    "System.Security.Authentication.AuthenticationException: Cannot determine the frame size or a corrupted frame was received.",
    "msmtp: TLS handshake failed: An unexpected TLS packet was received.",
    "rustls: received corrupt message of type InvalidContentType",
]
NO_GREETING = [
    "{ Error: Greeting never received\n    at SMTPConnection._formatError (/app/node_modules/nodemailer/lib/smtp-connection/index.js:606:19)\n code: 'ETIMEDOUT', command: 'CONN' }",
    "com.sun.mail.smtp.SMTPTransport: javax.mail.MessagingException: Could not connect to SMTP host: smtp.example.test, port: 465, response: -1",
    "postfix/smtp[9]: CLIENT wrappermode (port smtps/465) is unimplemented",
]


@pytest.mark.parametrize("text", TLS_AT_ONCE)
def test_tls_begun_at_once_is_told_to_the_client_and_not_as_our_refusal(text):
    first = explain(text)[0]
    assert first.key == "tls-before-starttls"
    assert any("STARTTLS" in one.en for one in first.advice.remedies)
    assert not any(CATALOGUE[one.key].speaker is Speaker.KAIRAN for one in explain(text)[:1])


@pytest.mark.parametrize("text", NO_GREETING)
def test_waiting_for_a_greeting_is_told_as_the_reverse(text):
    (found,) = [one for one in explain(text) if one.key == "greeting-never-came"]
    assert any("465" in one.en for one in found.advice.remedies)


@pytest.mark.parametrize(
    "text",
    [
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1007)",
        "PKIX path building failed: unable to find valid certification path to requested target",
        "dial tcp 192.0.2.1:587: connect: connection refused",
    ],
)
def test_a_programs_own_failure_to_connect_is_not_told_as_a_fault_of_a_route_alone(text):
    said = "\n".join(line.text for line in lines_of(explain(text), Language.EN))
    assert "program or device" in said
