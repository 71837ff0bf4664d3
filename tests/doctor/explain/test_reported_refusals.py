"""Refusals as people pasted them into public issues: each is told right or not at all, and never wrong.

From issues of roundcube, PHPMailer, nodemailer, MailKit, mailR, freescout, dokuwiki, keycloak, sisimai, Mailu,
postal, docker-mailserver, iRedMail, Exchange's documentation and others; names are changed.
"""

import pytest

from kairan.doctor.answer import Verdict
from kairan.doctor.explain.explain import UNKNOWN, explain, verdict_of

# The first that is accepted is right; UNKNOWN beside it: not at all is no fault.
LOGIN = ("auth-unsuccessful", UNKNOWN)
WANTED = ("not-authenticated", UNKNOWN)

ROWS = [
    # Logins.
    ('FastCGI sent in stderr: "PHP message: ERROR: Invalid response code received from server (535)" while reading response header from upstream', LOGIN),
    ("5.7.3 Authentication unsuccessful [DB6P18901CA0015.EURP189.PROD.OUTLOOK.COM]", ("auth-unsuccessful",)),
    ("Unable to send an email: SMTP Error (535): Authentication failed", ("auth-unsuccessful",)),
    ("2017-02-10 10:31:53    SERVER -> CLIENT: 535 5.7.3 Authentication unsuccessful [AM5PR0601CA0034.eurprd06.prod.outlook.com]\n2017-02-10 10:31:53    SMTP ERROR: Password command failed: 535 5.7.3 Authentication unsuccessful [AM5PR0601CA0034.eurprd06.prod.outlook.com]\nSMTP Error: Could not authenticate.", ("auth-unsuccessful",)),
    ("Failed: Authentication failed: 535 5.7.0 Invalid login or password", LOGIN),
    ("Sent: AUTH LOGIN\nGot: 535 5.7.8 Error: authentication failed: Invalid authentication mechanism\nUnexpected return code - Expected: 334, Got: 535", ("auth-mechanism-unknown", "no-mechanism-in-common")),
    ('Failed to authenticate on SMTP server with username "helpdesk@contoso.test" using 1 possible authenticators. Authenticator XOAUTH2 returned Swift_TransportException: \nExpected response code 235 but got code "535", with message "535 5.7.3 Authentication unsuccessful [FR0P281CA0001.CHEP278.PROD.OUTLOOK.COM 2025-07-22T09:34:23.313Z 08DDC8F1]', ("auth-unsuccessful", "oauth-unsuccessful")),
    ("{ Error: Invalid login: 535 5.7.3 Authentication unsuccessful at SMTPConnection._formatError (smtp-connection.js:528:15) code: 'EAUTH', response: '535 5.7.3 Authentication unsuccessful', responseCode: 535, command: 'AUTH LOGIN' }", ("auth-unsuccessful",)),
    ("SMTP ERROR: AUTH command failed: 504 5.7.4 Unrecognized authentication type [CY4PR21CA0028.namprd21.prod.outlook.com]", ("auth-mechanism-unknown",)),
    ("DEBUG SMTP: AUTH LOGIN failed\njavax.mail.AuthenticationFailedException: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]\n\n\tat java.mail/com.sun.mail.smtp.SMTPTransport$Authenticator.authenticate(SMTPTransport.java:965)", ("basic-auth-disabled",)),
    ("javax.mail.AuthenticationFailedException: No authentication mechansims supported by both server and client", ("no-mechanism-in-common",)),
    ("W/System.err: javax.mail.AuthenticationFailedException: 534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1>\nW/System.err: 534-5.7.14 Please log in via your web browser and\nW/System.err: 534-5.7.14 then try again.\nW/System.err: 534 5.7.14  https://support.google.com/mail/answer/78754 - gsmtp", (UNKNOWN,)),
    ("KC-SERVICES0029: Failed to send email: javax.mail.AuthenticationFailedException: 535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", ("auth-unsuccessful",)),
    ("MailAuthenticationException: Authentication failed; nested exception is javax.mail.AuthenticationFailedException: 535-5.7.8 Username and Password not accepted. Learn more at\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp", ("auth-unsuccessful",)),
    ("javax.mail.AuthenticationFailedException\n\tat javax.mail.Service.connect(Service.java:319)\n\tat javax.mail.Transport.send0(Transport.java:188)", LOGIN),
    ("Error: Invalid login: 502 Command not implemented\n  code: 'EAUTH',\n  response: '502 Command not implemented',\n  responseCode: 502,\n  command: 'AUTH PLAIN'\n}", ("auth-not-offered",)),
    ('Error: Invalid login: 502 Command "AUTH PLAIN .....==" not implemented', ("auth-not-offered",)),
    ("{ Error: Invalid login: Mailbox cannot be accessed\n\ncode: 'EAUTH', response: Mailbox cannot be accessed [CWXP265CA0023.GBRP265.PROD.OUTLOOK.COM]', responseCode: 550, command: 'AUTH LOGIN' }", (UNKNOWN,)),
    # A login that was not tried, in .NET's and Java's words.
    ("System.Net.Mail.SmtpException: The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.0 Authentication Required. For more information, go to", WANTED),
    ("The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.0 Must issue a STARTTLS command first. p10sm48772886gvf.28", ("starttls-required",)),
    ("System.Net.Mail.SmtpException: Mailbox unavailable. The server response was: If MAIL FROM is local then you must authenticate", WANTED),
    ("The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [SG2P153CA0002.APCP153.PROD.OUTLOOK.COM 2023-01-24T10:49:45.194Z 08DAFD75B2194F44]", ("criteria-not-met",)),
    ("The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", ("smtp-auth-disabled-tenant",)),
    ("##[error] The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [BYAPR05CA0044.namprd05.prod.outlook.com 2026-01-07T00:40:30.380Z 08DE4CF73CFFD718]", ("smtp-auth-disabled-mailbox",)),
    ("The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.3 Authentication unsuccessful.", ("auth-unsuccessful", "not-authenticated")),
    ("##[error]The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", ("not-authenticated",)),
    ("[SmtpException: The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.5.1 Authentication Required. Learn more at]", WANTED),
    ("The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.1 Authentication required", WANTED),
    ("com.sun.mail.smtp.SMTPSendFailedException: 530-5.5.1 Authentication Required. Learn more at\n530 5.5.1 http://support.google.com/mail/bin/answer.py?answer=14257 qf7sm13437126pac.14 - gsmtp", WANTED),
    # Recipients.
    ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", ("recipient-unknown",)),
    ("Aug 12 21:56:59 7018869c144e postfix/smtp[592]: F180CB7A: to=<x@contoso.test>, relay=contoso-br.mail.protection.outlook.com[207.46.163.74]:25, delay=5.5, delays=0.09/0/0.43/5, dsn=5.4.1, status=bounced (host contoso-br.mail.protection.outlook.com[207.46.163.74] said: 550 5.4.1 [x@contoso.test]: Recipient address rejected: Access denied [BL2NAM02FT061.eop-nam02.prod.protection.outlook.com] (in reply to RCPT TO command))", ("recipient-unknown",)),
    ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)", ("recipient-unknown", UNKNOWN)),
    ("Jul 12 18:47:22 relay postfix/smtpd[481183]: NOQUEUE: reject: RCPT from localhost[127.0.0.1]: 550 5.1.1 <v@contoso.test>: Recipient address rejected: [smtp.office365.com]:587; from=<a@contoso.test> to=<v@contoso.test> proto=ESMTP helo=<contoso.test>", ("recipient-unknown",)),
    ("550 #5.1.0 Address rejected.", ("recipient-unknown", UNKNOWN)),
    ("550 5.1.6 recipient no longer on server", ("recipient-unknown", UNKNOWN)),
    ("S: 550-Requested action not taken: mailbox unavailable\nS: 550 Failure sending mail. Try again later", ("recipient-unknown", UNKNOWN)),
    ("554 5.7.1 <recipient@example.com>: Relay access denied", ("relay-denied", UNKNOWN)),
    ("550 relay not permitted!", ("relay-denied", UNKNOWN)),
    ("smtp; 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group", ("group-sender-not-authenticated",)),
    ("550 5.7.124 RESOLVER.RST.RestrictedToGroupPermission; not authorized; The sender isn't in the allowed senders list for the distribution group", ("group-sender-not-allowed",)),
    ("550 5.7.134 RESOLVER.RST.SenderNotAuthenticatedForMailbox; authentication required; Delivery restriction check failed", ("recipient-restricted",)),
    # Trouble between servers.
    ("Oct 28 12:19:32 mail postfix/smtp[39032]: 213A0C01A2: to=<s@hotmail.com>, relay=hotmail-com.olc.protection.outlook.com[104.47.57.161]:25, delay=767, delays=760/3.5/2.5/0.63, dsn=4.7.651, status=deferred (host hotmail-com.olc.protection.outlook.com[104.47.57.161] said: 451 4.7.651 The mail server [45.133.73.165] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S844) [DM6NAM11FT088.eop-nam11.prod.protection.outlook.com 2023-10-28T12:19:31.847Z 08DBD70830F39917] (in reply to RCPT TO command))", ("address-rate-limited",)),
    ("Apr 21 08:45:18 mail postfix/error[1311]: 5028AAA0203: to=<j@contoso.test>, relay=none, delay=61344, delays=61344/0.26/0/0.01, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to contoso.test[200.23.91.68]:25: Operation timed out)", ("peer-unreachable",)),
    ("Apr 21 08:45:18 mail postfix/smtp[1297]: 6DB83AA0073: to=<i@contoso.test>, relay=mx0a-00191d01.pphosted.com[67.231.149.140]:25, delay=63227, dsn=4.0.0, status=deferred (host mx0a-00191d01.pphosted.com[67.231.149.140] refused to talk to me: 554 Blocked - see https://ipcheck.proofpoint.com/?ip=78.225.183.108)", (UNKNOWN,)),
    ("host mta7.am0.yahoodns.net[98.136.96.74] said: 421 4.7.0 [TSS04] Messages from 78.225.183.108 temporarily deferred due to user complaints - 4.16.55.1; see https://help.yahoo.com/kb/postmaster/SLN3434.html (in reply to MAIL FROM command)", (UNKNOWN,)),
    ("status=deferred (host mx2.free.fr[212.27.42.58] refused to talk to me: 421 Refused. Your reverse DNS entry does not resolve to an IP.)", (UNKNOWN,)),
    ("450 4.7.0 Message not proxied", ("exchange-transient", UNKNOWN)),
    ("450 4.7.1 Unable to Relay. ATTR14 [DB3EUR04FT012.eop-eur04.prod.protection.outlook.com]", ("exchange-transient", "relay-denied", UNKNOWN)),
    ("451 4.4.22 Message failed to be replicated: no healthy peers found", ("exchange-transient",)),
    ("2019-12-13 10:38:01 1ifhOb-0001j0-Vk H=mail-dm6nam12on2089.outbound.protection.outlook.com [40.107.243.89] F=<no-reply@contoso.test> rejected after DATA: maximum allowed line length is 998 octets, got 3172", ("line-too-long", UNKNOWN)),
    ("<l@sfr.test>: Spam message rejected\n\nReporting-MTA: dns; monserveur.test\n\nFinal-Recipient: rfc822; c@gmail.com\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: X-Postfix; Spam message rejected", (UNKNOWN,)),
    ("554 5.7.1 You are not allowed to connect.", (UNKNOWN,)),
    ('address: "167.86.99.133"\ncode: "ESOCKET"\ncommand: "CONN"\nerrno: -4039\nport: 587\nsyscall: "connect"', ("peer-unreachable", UNKNOWN)),
    ('errno: -4077 code: "ESOCKET" syscall: "read" command: "CONN"', ("peer-dropped", UNKNOWN)),
    ("Testmail - > Fehlermeldung\nNetzwerkfehler [Error 11001] getaddrinfo faild", ("name-lookup-failed", UNKNOWN)),
    ("Netzwerkfehler: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1010)", ("peer-tls-failed",)),
    ("HFM.Helpers.NetworkOps.SendEmail Threw Exception:\nServer does not support secure connections.", ("starttls-required", "peer-tls-failed", UNKNOWN)),
    ("org.apache.commons.mail.EmailException: Sending the email to the following server failed : smtp.office365.com:587", (UNKNOWN,)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "accepted"), ROWS, ids=range(len(ROWS)))
def test_what_people_report_is_told_right_or_not_at_all(text, accepted):
    explanations = explain(text)
    assert explanations[0].key in accepted
    expected = Verdict.UNCLEAR if explanations[0].key == UNKNOWN else Verdict.PROBLEM
    assert verdict_of(explanations) is expected


def test_most_of_them_are_told():
    told = sum(explain(text)[0].key == accepted[0] for text, accepted in ROWS)
    assert told >= 0.75 * len(ROWS)
