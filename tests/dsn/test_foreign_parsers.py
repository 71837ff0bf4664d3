"""Every kind of report that we make, read by programs of other people."""

from dataclasses import replace
from pathlib import Path

import pytest

from dsn.foreign import PARSERS, by_bounce_parser, by_flufl, by_python
from kairan.dsn.build import ReportFrame, build_plain_report, build_report
from kairan.dsn.recipient import Action, RecipientReport
from kairan.dsn.settings import ReportSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import MESSAGE_EXPIRED, PEER_UNREACHABLE, RECIPIENT_UNKNOWN

FRAME = ReportFrame(
    sender=Address("postmaster@kairan.test"),
    target=Address("boss@kairan.test"),
    hostname="mx.kairan.test",
    message_id="<report@mx.kairan.test>",
    boundary="=_0123456789abcdef",
    now=1_767_603_600.0,
)
ENVELOPE = Envelope(
    Address("boss@kairan.test"), (), 1_767_600_000.0, message_id="<first@kairan.test>", envid="QQ1"
)
ORIGINAL = (
    b"From: boss@kairan.test\r\nTo: user@kairan.test\r\nSubject: Pay day\r\n"
    b"Message-ID: <first@kairan.test>\r\n\r\nMoney.\r\n"
)
USER = Recipient(Address("user@kairan.test"), Notify.UNSET, "rfc822;user@kairan.test")
PEER_SAID = Reply.of(550, "5.1.1", "<user@kairan.test>: Recipient address rejected: User unknown")
JAPANESE = Reply.of(550, "5.1.1", "そのような利用者はいません" * 60)
LATER = Reply.of(451, "4.3.2", "Come back later")
OK = Reply.of(250, "2.1.5", "OK")
HOST = "mx1.example.com"


def failed(reply, **more):
    return RecipientReport(USER, Action.FAILED, reply, **more)


KINDS = {
    "a peer's no": (failed(PEER_SAID, remote=HOST), "5.1.1"),
    "a no in Japanese": (failed(JAPANESE, remote="127.0.0.1"), "5.1.1"),
    "our own no": (failed(RECIPIENT_UNKNOWN.reply), "5.1.10"),
    "expired, the peer said later": (
        failed(MESSAGE_EXPIRED.reply, remote=HOST, last=LATER),
        "4.4.7",
    ),
    "expired, never reached": (
        failed(MESSAGE_EXPIRED.reply, last=PEER_UNREACHABLE.reply),
        "4.4.7",
    ),
    "delayed": (
        RecipientReport(USER, Action.DELAYED, LATER, HOST, retry_until=FRAME.now + 86_400),
        "4.3.2",
    ),
    "delivered": (RecipientReport(USER, Action.DELIVERED, OK), "2.1.5"),
    "relayed": (RecipientReport(USER, Action.RELAYED, OK, HOST), "2.1.5"),
    "expanded": (RecipientReport(USER, Action.EXPANDED, OK), "2.1.5"),
}
WHOLE = ENVELOPE._replace(ret="FULL", size=len(ORIGINAL))
READS_FAILURES_ALONE = ("delivered", "relayed", "expanded")


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("envelope", [ENVELOPE, WHOLE], ids=["header", "whole"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_report_is_read(kind, envelope, parser, tmp_path: Path):
    report, status = KINDS[kind]
    raw = build_report(envelope, [report], ORIGINAL, frame=FRAME, settings=ReportSettings())
    found = parser(raw, tmp_path)
    if kind in READS_FAILURES_ALONE and parser is not by_python:
        assert not any(said.startswith("5") for said in found.values())
        return
    if kind == "delayed" and parser is by_bounce_parser:
        assert not found  # it reads what is final, and is right to pass over this
        return
    assert list(found) == ["user@kairan.test"]
    said = found["user@kairan.test"]
    if parser is by_python:
        assert said == status
    elif parser is by_flufl:  # it goes by Action, which says that nobody tries again
        assert said == ("4" if kind == "delayed" else "5")


@pytest.mark.parametrize("parser", PARSERS)
def test_a_report_about_many_names_them_all(parser, tmp_path: Path):
    reports = [
        replace(failed(PEER_SAID, remote=HOST), recipient=Recipient(Address(f"u{n}@kairan.test")))
        for n in range(40)
    ]
    raw = build_report(ENVELOPE, reports, ORIGINAL, frame=FRAME, settings=ReportSettings())
    assert sorted(parser(raw, tmp_path)) == sorted(f"u{n}@kairan.test" for n in range(40))


@pytest.mark.parametrize("parser", PARSERS)
def test_the_plainer_report_is_read_too(parser, tmp_path: Path):
    raw = build_plain_report([failed(PEER_SAID)], frame=FRAME)
    assert list(parser(raw, tmp_path)) == ["user@kairan.test"]


def test_a_global_report_is_read_where_it_is_known(tmp_path: Path):
    report = RecipientReport(Recipient(Address("社員@kairan.test")), Action.FAILED, JAPANESE, HOST)
    raw = build_report(ENVELOPE, [report], ORIGINAL, frame=FRAME, settings=ReportSettings())
    assert by_python(raw, tmp_path) == {"社員@kairan.test": "5.1.1"}
