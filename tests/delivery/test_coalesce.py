"""Equal messages to many single recipients go out as one, where their sender asked for it and nowhere else."""

import asyncio
from collections import Counter

import pytest

from kairan.delivery.coalesce import Coalescing, alike_key, joined_content
from kairan.delivery.settings import CoalesceSettings, DeliverySettings, RouteSettings
from kairan.delivery.transport import Deferred
from kairan.mail.address import Address
from kairan.mail.envelope import ContentFile, Envelope, Notify, Recipient
from kairan.spool.interface import Job, JobId, Lease
from kit.scripted_transport import DELIVERED, FAILED, SILENT, ScriptedTransport


def envelope(to="a@x.test", **changes):
    given = {"sender": Address("app@us.test"), "account": "app@us.test", "coalesce": True}
    return Envelope(recipients=(Recipient(Address(to)),), arrived=0.0, **{**given, **changes})


def letter(to="a@x.test", *more, text=b"Fire.\r\n", stamp=1):
    stamps = b"Received: from x by y; %d\r\nMessage-ID: <%d@x>\r\nDate: %d\r\n" % ((stamp,) * 3)
    head = b"From: app@us.test\r\nTo: %b\r\nSubject: Alarm\r\n" % to.encode()
    return stamps + head + b"".join(more) + b"\r\n" + text


ONE = alike_key(envelope(), letter())


@pytest.mark.parametrize(
    ("other", "content"),
    [
        (envelope("b@x.test"), letter("b@x.test", stamp=2)),
        (envelope("B@X.test"), letter("Bob <b@x.test>", stamp=3)),
        (envelope("b@x.test"), letter("\r\n b@x.test", stamp=4)),
        (envelope("b@x.test"), letter("b@x.test").replace(b"Date: 1\r\n", b"")),
    ],
)
def test_what_differs_in_its_stamps_and_its_own_recipient_is_alike(other, content):
    assert alike_key(other, content) == ONE


@pytest.mark.parametrize(
    ("other", "content"),
    [
        (envelope(), letter(text=b"Fire, Ann.\r\n")),
        (envelope(), letter("a@x.test", b"X-Link: 1\r\n")),
        (envelope(), letter().replace(b"Alarm", b"alarm")),
        (envelope(), letter("a@x.test, b@x.test")),
        (envelope(), letter("b@x.test")),  # not its recipient
        (envelope(), letter("all-staff@x.test")),
        (envelope(), letter("a@x.test", b"To: a@x.test\r\n")),
        (envelope(), letter("a@x.test", b"DKIM-Signature: v=1; b=x\r\n")),
        (envelope(), letter("a@x.test", b"Cc: b@x.test\r\n")),
        (envelope(), b"Received: from a by b; 1\r\n" + letter()),  # a hop more
        (envelope(sender=Address("other@us.test")), letter()),
        (envelope(account="other@us.test"), letter()),
        (envelope(smtputf8=True), letter()),
        (envelope(body="8BITMIME"), letter()),
        # The text begins where the header ends: what looks like a stamp there is text.
        (envelope(), letter(text=b"Date: 2\r\nFire.\r\n")),
    ],
)
def test_what_differs_in_anything_else_is_not(other, content):
    assert alike_key(other, content) != ONE


def test_what_names_all_is_alike_and_stays_as_it_is():
    to = "undisclosed-recipients:;"
    assert alike_key(envelope("a@x.test"), letter(to)) == alike_key(
        envelope("b@x.test"), letter(to)
    )
    assert joined_content(envelope(), letter(to)) == letter(to)


def test_nobody_sees_who_else_got_it():
    sent = joined_content(envelope(), letter("Ann <a@x.test>"))
    assert sent == letter("Ann <a@x.test>").replace(
        b"To: Ann <a@x.test>", b"To: undisclosed-recipients:;"
    )


def test_a_file_of_the_spool_is_like_nothing(tmp_path):
    assert alike_key(envelope(), ContentFile(tmp_path / "x", 10)) == b""


def lease(sent, *recipients):
    job = Job(JobId(1, 1), "", recipients or sent.recipients, 0.0)
    return Lease(job, sent)


BOTH = (Recipient(Address("a@x.test")), Recipient(Address("b@x.test")))


@pytest.mark.parametrize(
    ("asked", "accounts", "expected"),
    [
        (lease(envelope()), (), True),
        (lease(envelope(coalesce=False)), (), False),
        (lease(envelope(coalesce=False)), ("App@US.test",), True),
        (lease(envelope(coalesce=False, account="")), ("app@us.test",), False),
        (lease(envelope(sender=Address(""))), (), False),
        (lease(envelope(ret="HDRS")), (), False),
        (lease(envelope(envid="x")), (), False),
        (lease(envelope(), Recipient(Address("a@x.test"), Notify.SUCCESS)), (), False),
        (lease(envelope(), Recipient(Address("a@x.test"), Notify.NEVER)), (), False),
        (lease(envelope()._replace(recipients=BOTH), *BOTH), (), False),
        # The last of two: the other was delivered before.
        (lease(envelope()._replace(recipients=BOTH), BOTH[0]), (), False),
    ],
)
def test_who_may_be_joined(asked, accounts, expected):
    assert Coalescing(CoalesceSettings(accounts)).may_join(asked) is expected


ROUTE = RouteSettings("*", "smtp://relay.test")


def body(n, text=b"Fire.\r\n"):
    return letter(f"user{n}@kairan.test", text=text, stamp=n)


async def queued(bench, count, *, first=0, text=b"Fire.\r\n", **fields):
    for n in range(first, first + count):
        fields = {"coalesce": True, **fields}
        await bench.send(f"user{n}@kairan.test", body=body(n, text), **fields)


@pytest.fixture
def upstream(bench):
    bench.settings = DeliverySettings(routes=(ROUTE,))
    bench.transports[ROUTE.to] = bench.transport = ScriptedTransport(concurrency_max=1)
    return bench


def sizes(bench):
    return [len(recipients) for _, recipients, _ in bench.transport.calls]


def sent_to(bench):
    return Counter(event["recipient"] for event in bench.trace.events if event["event"] == "SEND")


async def test_equal_messages_go_in_transactions_of_fifty(upstream):
    await queued(upstream, 100)
    await upstream.deliver()
    assert sizes(upstream) == [50, 50]
    assert {
        call[2].count(b"To: undisclosed-recipients:;") for call in upstream.transport.calls
    } == {1}
    assert len(sent_to(upstream)) == 100
    assert set(sent_to(upstream).values()) == {1}


async def test_unasked_nothing_is_joined(upstream):
    await queued(upstream, 20, coalesce=False)
    await upstream.deliver()
    assert sizes(upstream) == [1] * 20
    assert upstream.transport.calls[3][2] == body(3)


async def test_one_alone_goes_as_it_came(upstream):
    await queued(upstream, 1)
    await upstream.deliver()
    assert upstream.transport.calls[0][2] == body(0)


async def test_a_personalised_one_between_them_goes_by_itself(upstream):
    await queued(upstream, 5)
    await queued(upstream, 1, first=5, text=b"Fire, Ann.\r\n")
    await queued(upstream, 5, first=6)
    await upstream.deliver()
    assert sorted(sizes(upstream)) == [1, 10]
    assert len(sent_to(upstream)) == 11


async def test_the_same_twice_to_one_recipient_comes_twice(upstream):
    await queued(upstream, 1, first=1)
    await queued(upstream, 3)
    await upstream.deliver()
    assert sent_to(upstream)["user1@kairan.test"] == 2
    assert sorted(sizes(upstream)) == [1, 3]


async def test_each_has_its_own_result_report_and_trace(upstream):
    upstream.transport.answers = {
        "user1@kairan.test": FAILED,
        "user2@kairan.test": [Deferred(SILENT, "sink"), DELIVERED],
    }
    await queued(upstream, 4)
    await upstream.deliver()
    assert sizes(upstream)[:2] == [4, 1]  # the refused one's report follows
    assert set(sent_to(upstream)) >= {f"user{n}@kairan.test" for n in (0, 2, 3)}
    failed = [event for event in upstream.trace.events if event["event"] == "FAIL"]
    assert [(e["recipient"], e["message_id"]) for e in failed] == [
        ("user1@kairan.test", "<2@test>")
    ]
    (report,) = [content for _, content in upstream.reports()]
    assert b"Message-ID: <1@x>" in report
    assert b"user3@kairan.test" not in report
    (third,) = [e for e in upstream.trace.events if e.get("recipient") == "user3@kairan.test"]
    assert third["detail"].endswith("(as <0@test>)")


async def test_a_next_hop_that_is_gone_costs_each_one_try(upstream):
    upstream.transport.answers = {"*": [Deferred(SILENT, "sink"), DELIVERED]}
    await queued(upstream, 3)
    upstream.start()
    await upstream.settle()
    assert [job.attempts for job in upstream.spool.stored.jobs.values()][:1] == [1]
    await upstream.deliver()
    assert len(sent_to(upstream)) == 3


async def test_a_defect_costs_a_try_not_a_message(upstream):
    async def broken():
        upstream.transport.begin = _nothing
        raise RuntimeError("a defect")

    upstream.transport.begin = broken
    await queued(upstream, 3)
    await upstream.deliver()
    assert set(sent_to(upstream).values()) == {1}
    assert len(sent_to(upstream)) == 3


async def _nothing():
    return


async def test_stopped_in_the_middle_all_are_given_back(upstream):
    started = []

    async def never():
        started.append(1)
        await asyncio.Event().wait()

    upstream.transport.wait = never
    await queued(upstream, 3)
    upstream.start()
    await upstream.wait_until(lambda: started)
    await upstream.delivery.stop(0.0)
    assert not upstream.spool._leased
    assert len(upstream.spool.stored.jobs) == 3


async def test_our_own_disk_is_given_each_message_as_it_came(bench):
    bench.transport.is_remote = False
    await queued(bench, 10)
    await bench.deliver()
    assert sizes(bench) == [1] * 10
