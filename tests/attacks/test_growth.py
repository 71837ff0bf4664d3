"""Octets of a peer's choice that cost more than their number.

Every parser of octets that a stranger chooses has its row here.  A new one is added by its name, a
function of octets, and the frames in which its patterns take hold.
"""

import base64
from io import BytesIO
from types import SimpleNamespace

import pytest

from attacks.growth import UNITS, Parser, too_steep, uncached
from intake.submitted import submission
from kairan.auth.attempts import network_of
from kairan.auth.passwords.hashing import prepared
from kairan.auth.tokens.claims import read_token
from kairan.auth.tokens.judge import ClaimContext, JudgedIssuer, judge_token, kept_claims
from kairan.auth.tokens.jwks import read_jwks
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.delivery.transports.maildir_names import folder_name
from kairan.directory.bulk.csv_rows import CsvFile, aliases
from kairan.directory.errors import DirectoryError
from kairan.doctor.compare.mask import masked
from kairan.doctor.device.judge import DeviceSettings, judge_device
from kairan.doctor.explain import explain
from kairan.doctor.log import reply as log_reply
from kairan.doctor.log.find import candidate_lines
from kairan.doctor.log.formats import ANY, FORMATS, account_in, detect
from kairan.doctor.log.lines import LineReader, decode
from kairan.doctor.log.read import LogSettings
from kairan.doctor.log.redact import redact
from kairan.doctor.log.times import LogTimes
from kairan.doctor.token.claims import printable
from kairan.doctor.token.input import read_input
from kairan.dsn.build import header_of
from kairan.intake.proxy import ProxyInvalid, read_proxy_header
from kairan.issuer.clients import shown_by
from kairan.issuer.scopes import granted
from kairan.issuer.web.application import read_form
from kairan.mail.address import parse_address
from kairan.mail.authors import read_authors
from kairan.mail.header import header_length, mailboxes, read_header
from kairan.mail.reply import Reply
from kairan.mail.xtext import decode_xtext, encode_xtext
from kairan.outcomes.classify import classify, parts
from kairan.relay import faults
from kairan.runtime.logs import line as log_line
from kairan.smtp.client import replies
from kairan.smtp.client.capabilities import read_capabilities
from kairan.smtp.client.engine import ClientEngine
from kairan.smtp.client.stuffing import stuff
from kairan.smtp.sasl.mechanisms import MECHANISMS
from kairan.smtp.server import answers, grammar
from kairan.smtp.server.data import ChunkLines, DataDecoder
from kairan.smtp.server.engine import ServerEngine
from kairan.smtp.server.events import ContentPiece, Mail, Rcpt
from kairan.smtp.server.inbox import Inbox
from kairan.smtp.server.policy import SessionPolicy

POLICY = SessionPolicy(
    "mail.kairan.test", ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"), 10 << 20, 50
)
OPEN_POLICY = SessionPolicy("mail.kairan.test", (), 10 << 20, 50, needs_tls=False, needs_auth=False)
TRANSACTION = b"EHLO a\r\nMAIL FROM:<printer@kairan.test>\r\nRCPT TO:<user@kairan.test>\r\n"


def text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def as_text(read):
    return lambda octets: read(text(octets))


# Mail.


def judge(octets: bytes) -> object:
    """What `judge_header` does, without its cache."""
    header = read_header(octets)
    return [read_authors(value) for value in (*header.senders, *header.sender)]


def data(octets: bytes) -> None:
    decoder = DataDecoder()
    decoder.decode(octets)


def drip(read_one):
    """One octet at a time, as the slowest client sends."""

    def read(octets: bytes) -> None:
        take = read_one()
        for at in range(len(octets)):
            take(octets[at : at + 1])

    return read


def chunk_lines():
    return ChunkLines().note


def data_decoder():
    return DataDecoder().decode


def inbox_lines():
    inbox = Inbox()

    def take(octet: bytes) -> None:
        inbox.add(octet)
        inbox.take_line(asking=True)

    return take


def inbox_waiting():
    """The session waits for a hash or for the disk: what comes meanwhile only piles up."""
    return Inbox().add


def submitted():
    one = submission()
    return lambda octets: one.write(octets, last=False)


def submitted_body():
    one = submission()
    one.write(b"\r\n", last=False)
    return lambda octets: one.write(octets, last=False)


def engine_reads(octets: bytes) -> None:
    """Everything at once, and whatever is asked is granted."""
    engine = ServerEngine(OPEN_POLICY, secure=True)
    engine.receive(octets)
    while (event := engine.next_event()) is not None:
        match event:
            case Mail():
                engine.answer(answers.SENDER_OK)
            case Rcpt():
                engine.answer(answers.RECIPIENT_OK)
            case ContentPiece(message_end=True):
                engine.answer(answers.queued("<a@b>", 1))
            case ContentPiece(chunk_end=True):
                engine.answer(answers.chunk_received(1))
    engine.take_output()


# SASL and tokens.


def sasl(mechanism: str):
    def read(octets: bytes) -> None:
        MECHANISMS[mechanism]().step(base64.b64encode(octets))

    return read


def sasl_raw(mechanism: str):
    return lambda octets: MECHANISMS[mechanism]().step(octets)


def part(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


RS256, NO_CLAIMS = part(b'{"alg":"RS256"}'), part(b"{}")


def token_with_claims(octets: bytes) -> object:
    claimed = read_token(f"{RS256}.{part(octets)}.AAAA")
    if not isinstance(claimed, str):
        issuer = IssuerSettings("https://issuer.test/")
        claims = kept_claims(claimed.claims)
        return judge_token(
            claims, ClaimContext(JudgedIssuer(issuer), TokenSettings(), None, "hve", 1e9)
        )
    return claimed


def token_with_header(octets: bytes) -> object:
    return read_token(f"{part(octets)}.{NO_CLAIMS}.AAAA")


JSON_FRAMES = (
    (b"", b""),
    (b'{"aud":"', b'"}'),
    (b'{"aud":[', b'"a"]}'),
    (b'{"scp":"', b'","aud":"https://outlook.office.com","exp":2e9}'),
    (b'{"aud":"https://outlook.office.com","exp":', b"}"),
    (b'{"iss":"', b'"}'),
)

# Replies of a next hop.


def replies_read(octets: bytes) -> None:
    replies.ReplyReader().feed(octets)


def reply_reader():
    return replies.ReplyReader().feed


def capabilities(octets: bytes) -> object:
    lines = [f"250-{line}" for line in text(octets).split("\r\n")]
    lines = ["250-mail.test", *(line.replace("\n", "").replace("\r", "") for line in lines)]
    wire = "\r\n".join(lines).encode() + b"\r\n250 OK\r\n"
    for item in replies.ReplyReader().feed(wire):
        if not isinstance(item, replies.PeerFault):
            read_capabilities(item)
    return read_capabilities(Reply.of(250, "", "mail.test", text(octets)))


def client_reads(octets: bytes) -> None:
    client = ClientEngine(hostname="us.test", explain=faults.explain)
    client.receive(b"220 mail.test\r\n")
    client.receive(octets)


# The rest of the house.


def proxy(octets: bytes) -> None:
    try:
        read_proxy_header(octets)
    except ProxyInvalid:
        return


def form(octets: bytes) -> object:
    found = read_form(octets)
    if isinstance(found, dict):
        granted(
            SimpleNamespace(permissions=frozenset({"Mail.Send"})),
            found.get("scope", ""),
            "https://outlook.office.com",
        )
    return found


def basic_authorization(octets: bytes) -> object:
    return shown_by("Basic " + base64.b64encode(octets).decode(), {})


def csv_rows(octets: bytes) -> None:
    file = CsvFile(BytesIO(octets), ("address", "displayName", "aliases"))
    try:
        for row in file.rows():
            list(aliases(row))
    except DirectoryError:
        return


class Forgetful(dict):
    def __setitem__(self, key, value):
        """Keeps nothing."""


def log_lines(octets: bytes) -> None:
    """As `kairan doctor log` goes through a block."""
    settings = LogSettings()
    for log in (ANY, FORMATS["csv"], FORMATS["postfix"]):
        reader = LineReader(
            log, LogTimes(1e9), settings, header=decode(octets.split(b"\n", 1)[0][:8_192])
        )
        reach = settings.line_octets // 2
        lines = candidate_lines(octets, 0, reach=reach, is_csv=reader.is_csv, words=reader.words)
        for begin, end in lines:
            reader.read(octets, begin, end, offset=0)
        reader.look_for_words(octets, 0)


def one_log_line(octets: bytes) -> None:
    log_reply.said_in(text(octets), near=str, is_csv=True)


def device(name: str):
    def read(octets: bytes) -> None:
        judge_device(DeviceSettings(**{"server": "smtp.hve.mx.microsoft", name: text(octets)}))

    return read


LOG_UNITS = (
    b"550 5.7.1 a\n",
    b"Nov 26 15:00:00 a postfix/smtp[1]: ABCDEF012345: to=<a@b.test>, status=bounced (said: 550 5.1.1 x)\n",
    b"550 5.7.1 user=a@b.test ",
    b"error 550,",
    b" timed out",
    b" timed out\n",
    b"smtp 421 ",
    b"Error: 535, b'",
    b"rule=a-",
    b"password=",
    b'pass"',
    b"Bearer ",
    b"eyJ",
    b"AUTH=PLAIN ",
    b"AUTH  ",
    b"from=",
    b"from=<",
    b"Nov 26 ",
    b"2026-11-26T15:00:00 ",
    b"[a.b",
    b"[a.b 2026-11-26T",
    b"[Hostname=",
    b"=====",
    b"dsn=5.1.1 ",
    b"5.7.1550 ",
)
UNITS_AND_LOGS = (*UNITS, *LOG_UNITS)
MAIL_FRAMES = (
    (b"", b""),
    (b"FROM:", b""),
    (b"FROM:<", b">"),
    (b'FROM:<"', b'"@b.test>'),
    (b"FROM:<a@b.test>", b"\n"),
    (b"FROM:<a@b.test> ENVID=", b""),
    (b"FROM:<a@b.test> ", b" SMTPUTF8"),
    (b"FROM:<a@", b"> SMTPUTF8"),
    (b"FROM:<@", b":a@b.test>"),
)
FROM_FRAMES = (
    (b"", b""),
    (b" x", b">"),
    (b" x", b"<a@b.test>"),
    (b' "', b'" <a@b.test>'),
    (b" a@b.test", b""),
    (b" <a@b.test>", b"x"),
    (b" (", b") a@b.test"),
    (b" <", b"@b.test>"),
    (b" <a@", b">"),
)
HEADER_FRAMES = (
    (b"", b"\r\n\r\n"),
    (b"From: x", b">\r\n\r\n"),
    (b"From", b": a@b.test\r\n\r\n"),
    (b"Message-ID: <", b"\r\n\r\n"),
    (b"Message-ID: ", b"x y\r\n\r\n"),
    (b"Received: ", b"\r\nReceived:\r\n\r\n"),
    (b"From: a@b.test\r\nSender: x", b"<a@b.test>\r\n\r\n"),
)
DRIPPED = (b"a", b" ", b"\r", b"\r\n", b"a: b\r\n", b".\r\n")

PARSERS = (
    Parser("header", judge, HEADER_FRAMES),
    Parser("where the header ends", header_length, ((b"", b""), (b"", b"\r\n\r"))),
    Parser("From", mailboxes, FROM_FRAMES),
    Parser(
        "address",
        as_text(lambda address: (parse_address(address), parse_address(address, utf8=True))),
        ((b"", b""), (b"", b"@b.test"), (b"a@", b""), (b'"', b'"@b.test'), (b"a@[IPv6:", b"]")),
    ),
    Parser("xtext", as_text(lambda word: encode_xtext(decode_xtext(word)))),
    Parser("MAIL", uncached(grammar.parse_mail), MAIL_FRAMES),
    Parser(
        "RCPT",
        lambda octets: uncached(grammar.parse_rcpt)(octets, utf8=True),
        (
            *tuple((before.replace(b"FROM", b"TO"), behind) for before, behind in MAIL_FRAMES),
            (b"TO:<a@b.test> NOTIFY=", b""),
            (b"TO:<a@b.test> ORCPT=rfc822;", b""),
        ),
    ),
    Parser("EHLO", grammar.parse_ehlo),
    Parser("BDAT", grammar.parse_bdat, ((b"", b""), (b"1", b""), (b"1 ", b"LAST"))),
    Parser("DATA", data, ((b"", b""), (b"a\r\n", b"\r\n.\r\n"))),
    Parser("DATA out", stuff),
    Parser(
        "session",
        engine_reads,
        ((b"", b"\r\n"), (b"EHLO a\r\nAUTH ", b"\r\n"), (TRANSACTION + b"DATA\r\n", b"\r\n.\r\n")),
        ends=(),
        units=(
            *DRIPPED,
            b"NOOP\r\n",
            b"x\r\n",
            b"x\n",
            b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\na\r\n.\r\n",
            b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 1\r\naBDAT 0 LAST\r\n",
            b"\r\n.\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
        ),
        octets_max=1 << 18,
        enough_seconds=0.2,
    ),
    *(
        Parser(
            f"{name}, octet by octet",
            drip(taker),
            ends=(),
            units=units,
            octets_max=16 * 1024,
            enough_seconds=0.3,
        )
        for name, taker, units in (
            ("DATA", data_decoder, DRIPPED),
            ("BDAT", chunk_lines, DRIPPED),
            ("line", inbox_lines, DRIPPED),
            ("what waits", inbox_waiting, (b"a", b"\r\n")),
            ("header", submitted, (b"a", b"a: b\r\n", b"\r")),
            ("body", submitted_body, (b"a",)),
            ("reply", reply_reader, DRIPPED),
        )
    ),
    *(
        Parser(
            name,
            sasl(name),
            (
                (b"", b""),
                (b"\0", b""),
                (b"n,a=", b",\1auth=Bearer a\1\1"),
                (b"user=", b"\1auth=Bearer a\1\1"),
                (b"user=a@b.test\1auth=Bearer ", b"\1\1"),
                (b"user=a@b.test\1auth=", b"\1\1"),
            ),
        )
        for name in MECHANISMS
    ),
    *(Parser(f"{name}, no base64", sasl_raw(name)) for name in MECHANISMS),
    Parser("token's claims", token_with_claims, JSON_FRAMES),
    Parser(
        "token's header",
        token_with_header,
        ((b"", b""), (b'{"alg":"', b'"}'), (b'{"kid":"', b'","alg":"RS256"}')),
    ),
    Parser("token", as_text(read_token)),
    Parser(
        "issuer's keys",
        read_jwks,
        ((b"", b""), (b'{"keys":[', b"]}"), (b'{"keys":[{"kty":"RSA","n":"', b'","e":"AQAB"}]}')),
    ),
    Parser("password", as_text(prepared)),
    Parser("address of a client", as_text(network_of)),
    Parser(
        "replies",
        replies_read,
        ((b"", b""), (b"250", b"\r\n"), (b"250-", b"\r\n250 a\r\n"), (b"550 5.", b"\r\n")),
    ),
    Parser(
        "capabilities",
        capabilities,
        ((b"", b""), (b"AUTH", b""), (b"AUTH ", b""), (b"LIMITS ", b""), (b"SIZE ", b"")),
    ),
    Parser("client", client_reads, ((b"", b""), (b"250-a\r\n250 ", b"\r\n"))),
    Parser("PROXY", proxy, ((b"", b""), (b"PROXY TCP4 ", b"\r\n"), (b"\r\n\r\n\0\r\nQUIT\n", b""))),
    Parser("form", form, ((b"", b""), (b"scope=", b""), (b"client_id=", b"&a=b"))),
    Parser("Authorization", basic_authorization, ((b"", b""), (b"a:", b""))),
    Parser("Maildir's folder", as_text(folder_name)),
    Parser("log line", as_text(lambda value: log_line(None, "info", {"event": "e", "a": value}))),
    Parser("header of what returns", header_of),
    Parser(
        "CSV",
        csv_rows,
        (
            (b"", b""),
            (b"address\n", b""),
            (b"address,aliases\n", b""),
            (b"address,aliases\na@b.test,", b"\n"),
            (b'address\n"', b'"\n'),
        ),
    ),
    Parser(
        "doctor explain",
        as_text(explain.explain),
        ((b"", b""), (b"550 5.7.1 ", b""), (b"550-5.7.1 [", b"")),
        units=UNITS_AND_LOGS,
    ),
    Parser(
        "doctor's judgement of a reply",
        lambda octets: classify.classify_part(parts.reply_part(text(octets))),
        ((b"", b""), (b"550 5.7.1 ", b"")),
        units=UNITS_AND_LOGS,
    ),
    Parser(
        "doctor log",
        log_lines,
        ((b"", b"\n"), (b"a,user\n", b"\n"), (b"smtp 550 5.7.1 ", b"\n")),
        units=UNITS_AND_LOGS,
        octets_min=2_048,  # an undated line looks sixty lines back for whose and when
        octets_max=1 << 18,
        is_cached=True,
    ),
    Parser(
        "a line of a log", one_log_line, ((b"", b""), (b"smtp said 5", b"")), units=UNITS_AND_LOGS
    ),
    Parser(
        "kind of a log",
        detect,
        ((b"", b"\n"), (b"postfix", b"\n"), (b"   at ", b"\n"), (b" host=", b"")),
        units=UNITS_AND_LOGS,
    ),
    Parser(
        "account in a line",
        as_text(lambda line: account_in(line, ANY.accounts)),
        ((b"", b"@"), (b"from=", b"@b.test"), (b"user", b"@ not allowed to send as")),
        units=UNITS_AND_LOGS,
    ),
    Parser(
        "what is hidden of a log",
        as_text(redact),
        ((b"", b""), (b"password=", b""), (b"AUTH PLAIN", b""), (b"eyJ", b"")),
        units=UNITS_AND_LOGS,
    ),
    Parser(
        "doctor token",
        as_text(read_input),
        ((b"", b""), (b"Bearer ", b""), (b'{"error_description":"', b'","error":"a"}')),
    ),
    Parser("a claim shown", as_text(printable)),
    Parser(
        "doctor compare",
        as_text(lambda line: masked(line, "mail.test")),
        ((b"", b""), (b"250 ", b" queued as a")),
        units=UNITS_AND_LOGS,
    ),
    *(
        Parser(f"doctor device: {name}", device(name))
        for name in ("server", "port", "tls", "user", "sender", "tls_version", "auth", "password")
    ),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_twice_the_octets_cost_twice_the_work(parser, monkeypatch):
    if not parser.is_cached:
        # Short texts come from a cache where long ones do not, which would look like growth.
        monkeypatch.setattr(classify, "_judge", uncached(classify._judge))
        monkeypatch.setattr(log_reply, "network_cause", uncached(log_reply.network_cause))
        monkeypatch.setattr(log_reply, "_kept", Forgetful())
    found = [why for shape in parser.shapes() if (why := too_steep(parser, *shape))]
    assert not found, "\n".join(found)


def squared(octets: bytes) -> int:
    return sum(octets.count(octets[at : at + 1], at) for at in range(0, len(octets), 8))


def test_a_cost_that_grows_too_fast_is_noticed():
    assert too_steep(Parser("squared", squared), b"", b"a", b"")
    assert not too_steep(Parser("linear", lambda octets: octets.split(b"a")), b"", b"a", b"")
