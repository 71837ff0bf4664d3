"""A trace of two workers, written by the trace's writer: three days, exact figures."""

from dataclasses import dataclass

import pytest

from kairan.trace.record import Submitted, Trace
from kairan.trace.refusals import Refusal
from kairan.trace.settings import TraceSettings
from kairan.usage.report import ReportSpan

DAY = 86_400
# Monday, 2026-11-02 08:00 UTC.
START = 1_793_606_400.0
ALL = ReportSpan(START - DAY, START + 10 * DAY)
QUICK = TraceSettings(write_interval_seconds=0.005)
ERP, PRINTER = "erp@example.com", "printer@example.com"
FORMULA = "=cmd|'/c calc'!a0@example.com"
RELAY_DENIED = "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"


@dataclass
class Clock:
    now: float = START

    def __call__(self):
        return self.now


def accept(trace, message, account=ERP, *, number, sender="", **came):
    trace.record(
        "RECEIVE",
        message_id=f"<{message}@x>",
        sender=sender or account,
        account=account,
        spool_id=number,
        submitted=Submitted(**{"octets": 1_000, "mechanism": "PLAIN", "tls": "TLSv1.2", **came}),
    )


def deliver(trace, message, *recipients, number, event="DELIVER"):
    trace.record_each(
        event, recipients, message_id=f"<{message}@x>", sender=ERP, detail="d", spool_id=number
    )


def expand(trace, message, group, *, number):
    trace.record(
        "EXPAND", message_id=f"<{message}@x>", sender=ERP, recipient=group, spool_id=number
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("usage"), Clock()
    one, other = (Trace(folder / f"trace-{n}.db", QUICK, clock=clock) for n in range(2))
    # Monday: a message to two groups, one of them in the other; one recipient twice, by two jobs.
    accept(one, "list", number=1, octets=5_000)
    expand(one, "list", "all@example.com", number=1)
    expand(one, "list", "inner@example.com", number=1)
    deliver(one, "list", "a@example.com", "b@example.com", "c@example.com", number=1)
    deliver(one, "list", "A@example.com", number=1, event="SEND")
    # Of the other worker, under a Message-ID that is taken: two messages, each billed.
    accept(other, "list", PRINTER, number=1, octets=200, mechanism="", tls="none")
    deliver(other, "list", "a@example.com", number=1)
    accept(other, "single", number=2, mechanism="XOAUTH2", tls="TLSv1.3")
    one.record("DEFER", message_id="<list@x>", sender=ERP, recipient="d@example.com", spool_id=1,
               detail="mx [192.0.2.1] 450 4.2.1 busy", reason="450 4.2.1 [AB1 2026] mailbox busy")  # fmt: skip
    one.record("REFUSE", message_id="", sender=PRINTER, account=PRINTER, detail="x session=1",
               reason="relay-denied")  # fmt: skip
    for _ in range(3):
        other.record_refusal(Refusal("192.0.2.7", "relay-denied", "RCPT"))
    # Tuesday: what was deferred is delivered, and the other one fails.
    clock.now += DAY
    deliver(one, "list", "d@example.com", number=1)
    other.record("FAIL", message_id="<single@x>", sender=ERP, recipient="e@elsewhere.example",
                 spool_id=2, detail=f"mx {RELAY_DENIED}", reason=RELAY_DENIED)  # fmt: skip
    # The week after: a formula's sender, and a report, which nobody pays.
    clock.now += 6 * DAY
    accept(one, "formula", sender=FORMULA, number=3)
    deliver(one, "formula", "a@example.com", number=3)
    one.record("DELIVER", message_id="<dsn@x>", recipient=ERP, spool_id=4)
    one.close()
    other.close()
    return folder
