"""Bounces as people have them: packed, wrapped, in part, in three languages."""

import base64
import quopri
import time

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.explain.bounce import decode_pasted, readings
from kairan.doctor.explain.explain import UNKNOWN, explain, verdict_of
from kairan.doctor.explain.text import lines_of

JAPANESE = """\
taro@contoso.test へのメッセージを配信できませんでした。
このグループへの配信は認証済みの送信者に制限されています。

管理者向けの診断情報:
生成元サーバー: TYAPR01MB0009.jpnprd01.prod.outlook.com
taro@contoso.test
Remote server returned '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required'
"""
HEAD = """\
From: <postmaster@contoso.test>
To: <hana@contoso.test>
Subject: =?utf-8?B?6YWN5L+h5LiN6IO9?=
MIME-Version: 1.0
"""


def packed(text, charset="utf-8", encoding="base64", kind="text/plain"):
    octets = text.encode(charset)
    if encoding == "base64":
        body = base64.encodebytes(octets).decode()
    elif encoding == "quoted-printable":
        body = quopri.encodestring(octets).decode("ascii")
    else:
        body = octets.decode("ascii" if charset.startswith("iso-2022") else "utf-8")
    return f'{HEAD}Content-Type: {kind};\n charset="{charset}"\nContent-Transfer-Encoding: {encoding}\n\n{body}'


def without_head(message):
    return message.partition("\n\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        packed(JAPANESE),
        packed(JAPANESE, encoding="quoted-printable"),
        packed(JAPANESE, "iso-2022-jp", "7bit"),
        packed(JAPANESE, "iso-2022-jp", "base64"),
        packed(JAPANESE, "shift_jis"),
        packed(JAPANESE, "euc-jp", "quoted-printable"),
        packed(JAPANESE, encoding="8bit"),
        packed(JAPANESE).replace("\n", "\r\n"),
        without_head(packed(JAPANESE)),
        without_head(packed(JAPANESE, encoding="quoted-printable")),
        without_head(packed(JAPANESE, "iso-2022-jp", "7bit")),
    ],
)
def test_a_part_is_read_however_it_is_packed(text):
    assert [one.key for one in explain(text)] == ["group-sender-not-authenticated"]
    said = "\n".join(line.text for line in lines_of(explain(text), Language.JA))
    assert "グループ" in said


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        ("認証".encode(), "認証"),
        (b"\xef\xbb\xbf" + "認証".encode(), "認証"),
        ("認証".encode("utf-16"), "認証"),
        ("認証".encode("cp932"), "認証"),
        ('charset="iso-8859-1"\n\nfür'.encode("latin-1"), "für"),
        ("認証".encode() * 200 + b"\xe8\xaa", "認証"),
    ],
)
def test_octets_of_a_file_are_read_in_the_charset_they_are_in(octets, word):
    assert word in decode_pasted(octets)


HTML = """\
<html><head><style>.x{width:550px} .y::after{content:"554 5.7.1"}</style></head><body>
<p>Your message to <b>all@contoso.test</b> couldn&#39;t be delivered.</p>
<table><tr><td>Remote server returned &#39;550 5.7.<wbr>124 RESOLVER.<wbr>RST.NotAuthorized&#39;</td></tr></table>
<p>The sender isn&rsquo;t allowed&nbsp;to send.</p></body></html>
"""
REPORT = f"""\
{HEAD}Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_b1"

This is a MIME-encapsulated message.

--=_b1
Content-Type: text/plain; charset=us-ascii

<a@contoso.test>: host mx.contoso.test[192.0.2.7] said: see below. We had 421 4.7.0 once.

--=_b1
Content-Type: message/delivery-status

Reporting-MTA: dns; gate.fabrikam.test

Final-Recipient: rfc822; ok@contoso.test
Action: relayed
Status: 2.0.0
Diagnostic-Code: smtp; 250 2.0.0 fine

Final-Recipient: rfc822; a@contoso.test
Action: failed
Status: 5.1.10
Remote-MTA: dns; contoso-test.mail.protection.outlook.com
Diagnostic-Code: smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@contoso.test
 not found by SMTP address lookup

--=_b1
Content-Type: message/rfc822

From: <x@fabrikam.test>
Content-Type: multipart/mixed; boundary="inner"
Subject: 535 5.7.139 basic authentication is disabled

--inner
Content-Type: text/plain

432 4.3.2 Concurrent connections limit exceeded
--inner--

--=_b1--
"""


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (packed(HTML, kind="text/html"), "group-sender-not-allowed"),
        (packed(HTML, kind="text/html", encoding="quoted-printable"), "group-sender-not-allowed"),
        (HTML, "group-sender-not-allowed"),
        (REPORT, "recipient-unknown"),
        (REPORT.partition("\n--=_b1\n")[2], "recipient-unknown"),
        (REPORT[REPORT.index("Final-Recipient: rfc822; a@") : REPORT.index("\n--=_b1\nContent-Type: message/rfc822")], "recipient-unknown"),
        # Old Exchange.
        ("gate.fabrikam.test #5.1.1 smtp;550 5.1.1 RESOLVER.ADR.RecipNotFound; not found #SMTP#", "recipient-unknown"),
        ("taro@contoso.test\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##rfc822;taro@contoso.test", "recipient-unknown"),
        ("taro@contoso.test\nmx.contoso.test #<mx.contoso.test #5.1.1 smtp;550 5.1.1 User unknown> #SMTP#", "recipient-unknown"),
        ("all@contoso.test\nEX01.contoso.local #5.7.1 smtp;550 5.7.1 RESOLVER.RST.AuthRequired; authentication required ##", "recipient-restricted"),
        ("<gate.fabrikam.test #5.3.4 smtp;552 5.3.4 Message size exceeds fixed maximum message size> #SMTP#", "message-too-large"),
        # Wrapped by a mail program.
        ("Remote Server returned '550 5.7.\n133 RESOLVER.RST.SenderNot\nAuthenticatedForGroup'", "group-sender-not-authenticated"),
        ("Remote Server returned '550\n5.1.10 RESOLVER.ADR.Recipient\nNotFound'", "recipient-unknown"),
        ("> said: 550 5.1\n> .90 Your message can't be sent because you've reached your daily\n> limit for message recipients", "recipient-limit-daily"),
        ("said: 554 5\r\n  .2.122 The recipient has exceeded their limit for the number of messages\r\n  they can receive per hour", "receiving-rate-exceeded"),
        # Without a code.
        ("Ihre Nachricht an all@contoso.test konnte nicht zugestellt werden.\nSie sind nicht berechtigt, an diese Gruppe zu senden.", "group-sender-not-allowed"),
        ("Die eingegebene E-Mail-Adresse wurde nicht gefunden.", "recipient-unknown"),
        ("Der SMTP-Server erfordert eine sichere Verbindung, oder der Client wurde nicht authentifiziert.", "not-authenticated"),
        ("Die Nachricht ist zu groß, um zugestellt zu werden.", "message-too-large"),
        ("入力した電子メール アドレスが見つかりませんでした。受信者の電子メール アドレスを確認してください。", "recipient-unknown"),
        ("このグループへの配信は認証済みの送信者に\n制限されています。", "group-sender-not-authenticated"),
        ("対象のコンピューターによって拒否されたため、接続できませんでした。 192.0.2.7:587", "peer-unreachable"),
    ],
)  # fmt: skip
def test_it_is_told_what_the_server_said(text, key):
    explanations = explain(text)
    assert [one.key for one in explanations][:1] == [key]
    assert verdict_of(explanations) is Verdict.PROBLEM


def test_what_a_report_returns_is_its_authors_and_says_nothing():
    assert [one.key for one in explain(REPORT)] == ["recipient-unknown"]
    returned = "".join(readings(REPORT))
    assert "432" not in returned
    assert "5.7.139" not in returned


def test_a_report_of_another_servers_words_is_not_taken_for_ours():
    text = (
        REPORT.replace(
            "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@contoso.test\n not found by SMTP address lookup",
            "smtp; 421 4.7.0 Try again later",
        )
        .replace("contoso-test.mail.protection.outlook.com", "mx.contoso.test")
        .replace("We had 421 4.7.0 once", "sorry")
    )
    assert {one.key for one in explain(text)} == {UNKNOWN}
    assert explain(text)[0].reply.enhanced == "4.7.0"


def test_our_own_report_is_ours():
    text = REPORT.replace(
        "Remote-MTA: dns; contoso-test.mail.protection.outlook.com\n", ""
    ).replace(
        "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@contoso.test\n not found by SMTP address lookup",
        "X-Kairan; 550 5.4.4 No route to the recipient domain",
    )
    assert [one.key for one in explain(text)][:1] == ["no-route"]


def test_plain_text_stays_as_it_is():
    text = "Error: Invalid login: 535 5.7.3 Authentication unsuccessful\n    at x.js:1\n  code: 'EAUTH',\n"
    assert [one.rstrip() for one in readings(text)] == [text.rstrip()]


@pytest.mark.parametrize(
    "piece",
    ["--=_b1\n", "<style>", "<td ", "=?utf-8?B?", "&#", "A" * 76 + "\n", "5.\n", "X: y\n z\n", "=\n=41", "\x1b$B", "550\n", "charset=", "Content-Type: a; boundary=b\n\n"],
)  # fmt: skip
def test_ten_times_the_text_takes_no_more_than_linear_time(piece):
    def seconds(octets):
        text = piece * (octets // len(piece))
        started = time.process_time()
        readings(text)
        return time.process_time() - started

    seconds(10_000)
    assert seconds(300_000) < 20 * max(seconds(30_000), 0.01)
