"""What a pasted text means: every reply of ours, each row of Microsoft's page, and forty from the world."""

import pytest

from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import classify, classify_part, may_hold_refusal, squeeze
from kairan.outcomes.classify.parts import reply_part, reply_parts
from kairan.outcomes.classify.phrases import (
    COMMON_PHRASES,
    COMMON_WORDS,
    LIKELY_FIRST,
    OTHER_CODES,
    PHRASES,
)
from kairan.outcomes.classify.speaker import speaker_in
from kairan.outcomes.outcome import Speaker

SUFFIX = "[SN2PR00CA0018.namprd00.prod.outlook.com 2024-08-13T18:27:55.030Z 08DCBB430284475F]"
OUR_SUFFIX = "[mail.contoso.test 2026-08-13T18:27:55.030Z 08DCBB430284475F]"
by_outcome = pytest.mark.parametrize("outcome", CATALOGUE.values(), ids=lambda o: o.key)


@by_outcome
def test_every_reply_of_ours_explains_to_itself_alone(outcome):
    assert classify(str(outcome.reply)).keys == (outcome.key,)


@by_outcome
def test_the_suffix_changes_nothing(outcome):
    suffix = OUR_SUFFIX if outcome.speaker is Speaker.KAIRAN else SUFFIX
    assert classify(str(outcome.reply_with(suffix))).keys == (outcome.key,)


@by_outcome
def test_a_reply_broken_into_lines_is_one_reply(outcome):
    words = outcome.text.split()
    half = len(words) // 2
    lines = [" ".join(part) for part in (words[:half], words[half:]) if part]
    first = "".join(f"{outcome.code}-{outcome.enhanced} {line}\r\n" for line in lines[:-1])
    found = classify(f"{first}{outcome.code} {outcome.enhanced} {lines[-1]}\r\n")
    assert found.key == outcome.key


@by_outcome
def test_python_wraps_it_and_it_is_still_known(outcome):
    error = f"smtplib.SMTPDataError: ({outcome.code}, {(outcome.enhanced + ' ' + outcome.text).encode()!r})"
    assert classify(error).key == outcome.key


@by_outcome
def test_the_prefilter_lets_every_reply_through(outcome):
    assert may_hold_refusal(outcome.reply.wire)
    assert may_hold_refusal(f"({outcome.code}, b'{outcome.enhanced} x')".encode())


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 23 15:34:41 mail postfix/qmgr[99]: AB12: removed",
        b"250 2.1.5 Recipient OK",
        b"220 mx.example.com ESMTP ready",
    ],
)
def test_the_prefilter_keeps_ordinary_lines_out(line):
    assert not may_hold_refusal(line)


# The troubleshooting page this project began with, as pasted from its Japanese edition.
PAGE_ROWS = [
    ("535 5.7.3 認証に失敗しました", "auth-unsuccessful"),
    (
        "535 5.7.139 認証に失敗しました。organization構成では、この認証要求は許可されません。",
        "basic-auth-not-allowed",
    ),
    ("501 5.5.121 | 引数XOAUTH2無効です。", "xoauth2-not-base64"),
    (
        "501 5.5.122 | 認証データXOAUTH2無効です。 たとえば、認証データの次の形式が正しくありません。",
        "xoauth2-format",
    ),
    (
        "501 5.5.123 | 認証データXOAUTH2無効 - ユーザー アドレスが指定されていません。",
        "xoauth2-user-missing",
    ),
    (
        "501 5.5.124 | 認証データXOAUTH2無効 - 指定されたユーザー アドレスが無効です。",
        "xoauth2-user-invalid",
    ),
    (
        "501 5.5.125 | 認証データXOAUTH2無効 - 認証の種類のデータが存在しません。",
        "xoauth2-type-missing",
    ),
    (
        "501 5.5.126 | 認証データXOAUTH2無効 - 認証トークンが存在しません。",
        "xoauth2-token-missing",
    ),
    (
        "501 5.5.127 | 認証データXOAUTH2無効 - トークンは間もなく期限切れになります。",
        "token-expires-soon",
    ),
    (
        "501 5.5.128 | XOAUTH2認証データの AAD でトークンの有効期限が切れています。",
        "token-expired",
    ),
    (
        "501 5.5.129 | アプリで間違ったアクセス許可が設定されている無効なトークン",
        "token-permission",
    ),
    ("535 5.7.127 | 認証に失敗しました", "oauth-unsuccessful"),
]


@pytest.mark.parametrize(("text", "key"), PAGE_ROWS, ids=[key for _, key in PAGE_ROWS])
def test_every_row_of_the_page_is_known_in_japanese(text, key):
    assert classify(text).keys == (key,)


@pytest.mark.parametrize(("text", "key"), PAGE_ROWS, ids=[key for _, key in PAGE_ROWS])
def test_every_row_of_the_page_is_known_in_english(text, key):
    codes = " ".join(text.split()[:2])
    assert codes == f"{CATALOGUE[key].code} {CATALOGUE[key].enhanced}"
    assert classify(f"{codes} {CATALOGUE[key].text} {SUFFIX}").keys == (key,)


CODELESS = [row for row in PAGE_ROWS if row[1] not in {"auth-unsuccessful", "oauth-unsuccessful"}]


@pytest.mark.parametrize(("text", "key"), CODELESS, ids=[key for _, key in CODELESS])
def test_a_row_of_the_page_without_its_codes_is_still_found(text, key):
    assert key in classify(text.split(maxsplit=2)[2]).keys


# As people paste them: what software wraps around a reply, and what differs under one code.
PASTED = [
    ("535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]", "auth-unsuccessful"),
    ("451 5.7.3 STARTTLS is required to send mail [AM0PR06CA0101.eurprd06.prod.outlook.com]", "starttls-required"),
    ("451 5.7.3", "starttls-required"),
    ("535 5.7.3", "auth-unsuccessful"),
    (f"smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. {SUFFIX}')", "smtp-auth-disabled-tenant"),
    (f'(535, b"5.7.139 Authentication unsuccessful, user is locked by your organization\'s security defaults policy. Contact your administrator. {SUFFIX}")', "security-defaults-block"),
    ("javax.mail.AuthenticationFailedException: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [DU2P251CA0001.EURP251.PROD.OUTLOOK.COM]", "smtp-auth-disabled-mailbox"),
    (f"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. {SUFFIX}", "criteria-not-met"),
    ("535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [BL1P221CA0001.NAMP221.PROD.OUTLOOK.COM]", "credentials-incorrect"),
    ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [LO4P123CA0001.GBRP123.PROD.OUTLOOK.COM]", "basic-auth-disabled"),
    ("535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.", "sts-unreachable"),
    ("535-5.7.139 Authentication unsuccessful, the federated STS URL\n535 5.7.139 does not support HTTPS.", "sts-without-https"),
    ("System.Net.Mail.SmtpException: The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. [LO2P265CA0001.GBRP265.PROD.OUTLOOK.COM]", "not-authenticated"),
    ("com.sun.mail.smtp.SMTPSendFailedException: 530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM [PR0P264CA0001.FRAP264.PROD.OUTLOOK.COM]", "not-authenticated"),
    ("Error: Mail command failed: 530 5.7.57 Client not authenticated to send mail. responseCode: 530, command: 'MAIL FROM'", "not-authenticated"),
    ("Error: Invalid login: 535 5.7.3 Authentication unsuccessful [AM6PR0502CA0001.eurprd05.prod.outlook.com] code: 'EAUTH'", "auth-unsuccessful"),
    ("SMTP ERROR: Password command failed: 535 5.7.3 Authentication unsuccessful", "auth-unsuccessful"),
    ("MailKit.Security.AuthenticationException: 535: 5.7.3 Authentication unsuccessful", "auth-unsuccessful"),
    ("msmtp: authentication failed (method LOGIN)\nmsmtp: server message: 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", "credentials-incorrect"),
    ("<** 550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender-not-yours"),
    ("SMTP error from remote mail server after pipelined end of data: 554 5.2.252 SendAsDenied; a@x.test not allowed to send as b@x.test; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception", "header-from-not-yours"),
    ("550 5.2.252 Sender throttled due to continuous send as denied errors", "sender-throttled-for-send-as"),
    ("554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message.", "header-from-not-yours"),
    ("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception", "daily-quota-exceeded"),
    ("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is Suspend", "bad-outbound-sender"),
    ("554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", "sent-items-full"),
    ("status=deferred (host smtp.office365.com[52.97.201.2] said: 432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM6PR03MB1234.eurprd03.prod.outlook.com] (in reply to end of DATA command))", "connections-exceeded"),
    ("432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "recipient-threads-exceeded"),
    ("to=<a@b.test>, relay=smtp-hve.office365.com[52.1.2.3]:587, delay=12, dsn=4.5.127, status=deferred (SASL authentication failed; server smtp-hve.office365.com[52.1.2.3] said: 501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon [AB1.outlook.com 2025-01-08T15:40:19.000Z 08DD])", "token-expires-soon"),
    ("status=deferred dsn=4.5.127", "token-expires-soon"),
    ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [VE1EUR02FT001.eop-EUR02.prod.protection.outlook.com]", "recipient-unknown"),
    ("PHPMailer: SMTP Error: Could not authenticate.", "auth-unsuccessful"),
    ("SASL authentication failed; cannot authenticate to server smtp.hve.mx.microsoft[52.1.2.3]: no mechanism available", "no-mechanism-in-common"),
    ("535 5.7.142 Token will expire soon", "token-expires-soon-2026"),
    ("535 5.7.143 Expired token", "token-expired-2026"),
    ("535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.", "token-permission-2026"),
    ("550 5.7.240 The application is not allowed for use with this High Volume Email account", "app-not-allowed"),
    ("501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid. Please ensure the auth d", "xoauth2-user-invalid"),
    ("504 5.7.4 Unrecognized authentication type [CO1PEPF000044F4.namprd05.prod.outlook.com]", "auth-mechanism-unknown"),
    ("Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'", "recipient-unknown"),
    ("#< #5.7.133 smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group> #SMTP#", "group-sender-not-authenticated"),
    ("Diagnostic-Code: smtp;550 5.1.8 Access denied, bad outbound sender", "bad-outbound-sender"),
    ("{'a@b.test': (550, b'5.1.1 <a@b.test>: Recipient address rejected: User unknown in virtual mailbox table')}", "recipient-unknown"),
    ("554 5.7.1 <a@example.org>: Relay access denied", "relay-denied"),
    ("452 4.5.3 Too many recipients (AS780090) [VI1EUR04FT001.eop-eur04.prod.protection.outlook.com]", "reputation-volume"),
    ("452 4.5.3 Too many recipients", "too-many-recipients"),
    ("ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "tls-before-starttls"),
    ("Error: getaddrinfo ENOTFOUND smtp-have.office365.com", "name-lookup-failed"),
    ("socket.gaierror: [Errno -2] Name or service not known", "name-lookup-failed"),
    ("smtplib.SMTPNotSupportedError: SMTP AUTH extension not supported by server.", "auth-not-offered"),
    ("MailKit: The remote certificate is invalid according to the validation procedure", "peer-tls-failed"),
    ("status=deferred (connect to smtp.example.com[192.0.2.1]:587: Connection refused) dsn=4.4.1", "peer-unreachable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key"), PASTED, ids=[f"{n}-{key}" for n, (_, key) in enumerate(PASTED)]
)
def test_what_people_paste_is_told_by_its_whole_text(text, key):
    assert classify(text).key == key


def test_a_bare_shared_code_names_all_it_may_be_the_likeliest_first():
    keys = classify("535 5.7.139").keys
    assert keys[0] == "basic-auth-not-allowed"
    assert set(keys) == {o.key for o in CATALOGUE.values() if o.enhanced == "5.7.139"}


def test_both_meanings_of_one_code_are_named_when_the_basic_code_is_missing():
    assert set(classify("5.2.252").keys) == {
        "header-from-not-yours",
        "sender-throttled-for-send-as",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "550",
        "550 5.7.999 Go away",
        "10.5.7.3",
        "\0",
        "421 4.4.2 Connection dropped due to SocketError",
        "450 4.1.8 <a@b.test>: Domain not found",
    ],
)
def test_what_is_not_in_the_catalogue_is_not_guessed(text):
    assert classify(text).candidates == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            "550 5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list",
            "sending-address-banned",
        ),
        ("550 5.7.649 Access denied, banned sending IP [192.0.2.7]", "sending-address-banned"),
        (
            "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. AS(7230)",
            "tenant-traffic-refused",
        ),
        ("550 5.7.705 Access denied, tenant has exceeded threshold", "tenant-threshold"),
        ("451 4.7.500 Access denied, please try again later (AS16012)", "sending-restricted"),
        ("451 4.7.650 Access denied, please try again later", "sending-restricted"),
    ],
)
def test_what_exchange_says_to_a_sender_it_distrusts(text, key):
    assert classify(text).keys[0] == key


def test_an_address_is_no_code():
    assert reply_part("connect to 54.5.7.139:587").enhanced == ""


def test_the_codes_of_the_reply_beat_those_that_postfix_wrote():
    part = reply_part("dsn=4.5.127, status=deferred (x said: 501 5.5.127 Invalid)")
    assert (part.code, part.enhanced) == (501, "5.5.127")


def test_a_transcript_gives_each_different_reply_once():
    text = "535 5.7.3 no\r\n535 5.7.3 no\r\n530 5.7.57 Client not authenticated\r\n"
    assert [part.code for part in reply_parts(text)] == [535, 530]


def test_the_tables_name_entries_that_exist():
    named = {*PHRASES, *COMMON_PHRASES, *COMMON_WORDS, *LIKELY_FIRST}
    named |= {key for key, _ in OTHER_CODES.values()}
    assert named <= set(CATALOGUE)


def test_no_phrase_is_empty_once_squeezed():
    phrases = [
        phrase for table in (PHRASES, COMMON_PHRASES) for row in table.values() for phrase in row
    ]
    assert min(len(squeeze(phrase)) for phrase in phrases) >= 4


def test_a_very_long_text_is_judged_by_its_beginning():
    assert (
        classify("535 5.7.3 Authentication unsuccessful " + "x" * 1_000_000).key
        == "auth-unsuccessful"
    )


# Whose code it is.

FOREIGN = [
    # The wording is none of ours, the code is: 4.7.0, 4.4.0, 5.5.1 … mean something at every server.
    "status=deferred (SASL authentication failed; server mx.fabrikam.test[192.0.2.7] said: 454 4.7.0 Temporary authentication failure: Connection lost to authentication server)",
    "421-4.7.0 [192.0.2.7] Our system has detected an unusual rate of unsolicited mail. x18-20020a170902 - gsmtp",
    "421 4.7.0 mx.fabrikam.test Error: too many errors",
    "421 4.7.0 Try again later, closing connection. (EHLO) a640c23a62f3a-aa5 - gsmtp",
    "451 4.4.0 DNS query failed",
    "452 4.3.1 Insufficient system storage",
    "451 4.3.0 Temporary lookup failure",
    "421 4.3.2 System not accepting network messages",
    "450 4.3.2 Service currently unavailable, greylisted",
    "550 5.7.1 Service unavailable; client host [192.0.2.7] blocked using zen.spamhaus.org",
    "554 5.7.1 Spam message rejected",
    "550 5.4.4 Unable to route: no mail hosts for domain",
    "550 5.2.2 <a@fabrikam.test>: user is over quota",
    "451 4.2.0 Greylisted, please try again in 300 seconds",
    "502 5.5.1 VRFY disallowed",
    "500 5.5.2 Error: bad syntax",
    "550 5.4.1 All recipient addresses rejected : no such domain here",
    "556 5.1.10 <a@fabrikam.test>: Recipient address rejected: Domain fabrikam.test does not accept mail (nullMX)",
    "421 4.7.0 Temporary System Problem. Try again later. gsmtp",
    "550-5.7.30 This mail has been blocked because DKIM does not pass. gsmtp",
    "550 5.7.1 Email rejected per DMARC policy for fabrikam.test",
    "450 4.4.0 Cannot resolve PTR record",
    "421 4.3.2 Service not available [outlook.com]",
    "EHLO gate.fabrikam.test\r\n502 Command not implemented\r\nHELO gate.fabrikam.test",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_a_code_of_another_server_chooses_no_entry_of_ours(text):
    assert classify(text).keys == ()


@by_outcome
@pytest.mark.parametrize("words", ["", "Zażółć gęślą jaźń", "said by some other server"])
def test_the_bare_code_of_what_only_we_say_is_not_taken_for_ours(outcome, words):
    keys = classify(f"{outcome.code} {outcome.enhanced} {words}").keys
    assert not [key for key in keys if CATALOGUE[key].speaker is Speaker.KAIRAN]


@pytest.mark.parametrize(
    "outcome", [o for o in CATALOGUE.values() if o.needs_words], ids=lambda o: o.key
)
def test_the_code_of_what_needs_words_chooses_nothing_by_itself(outcome):
    assert outcome.key not in classify(f"{outcome.code} {outcome.enhanced}").keys
    assert outcome.key not in classify(f"{outcome.code} {outcome.enhanced} {SUFFIX}").keys


@pytest.mark.parametrize(
    "outcome", [o for o in CATALOGUE.values() if not o.needs_words], ids=lambda o: o.key
)
def test_where_our_host_is_in_the_text_the_code_is_ours(outcome):
    said = f"220 kairan.contoso.test Microsoft ESMTP MAIL Service ready\r\n{outcome.code} {outcome.enhanced} words of a later version"
    assert outcome.key in [key for part in reply_parts(said) for key in classify_part(part).keys]


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("220 kairan.contoso.test Microsoft ESMTP MAIL Service ready", Speaker.KAIRAN),
        ("220 mx.contoso.test Microsoft ESMTP MAIL Service ready", None),
        (f"421 4.7.0 Go away {OUR_SUFFIX}", Speaker.KAIRAN),
        (f"421 4.7.0 Go away {SUFFIX}", Speaker.EXCHANGE),
        (
            "host contoso-com.mail.protection.outlook.com[192.0.2.7] said: 421 4.7.0",
            Speaker.EXCHANGE,
        ),
        ("421 4.7.0 [Hostname=EX01.contoso.local]", Speaker.EXCHANGE),
        ("421 4.7.0 gsmtp", None),
        ("<someone@outlook.com>: host mx.fabrikam.test said: 450 4.7.0 no", None),
        ("<printer@kairan.test>: host mx.fabrikam.test said: 450 4.7.0 no", None),
        ("relay=kairan.contoso.test; host x.mail.protection.outlook.com said: 450 4.7.0", None),
    ],
)
def test_who_spoke_is_told_by_host_and_suffix_and_never_by_an_address(text, speaker):
    assert speaker_in(text) is speaker


@pytest.mark.parametrize(
    "text",
    [
        "from=<docker@example.com>, size=503, nrcpt=1",
        "from=<docker@example.com>, size=503, nrcpt=1\nto=<a@example.com>, dsn=4.7.0, status=deferred (generic failure)",
        "at index.js:427:20",
        "delay=450, x",
    ],
)
def test_a_number_that_no_word_names_a_code_is_none(text):
    assert reply_part(text).code is None
