"""From the spool to the transport and back, over fakes and a clock that stands still."""

import asyncio
import email
import time
from dataclasses import replace

import pytest

from kairan.delivery.settings import DestinationSettings, RouteSettings
from kairan.delivery.transport import Failed
from kairan.directory.model import Account, Group
from kairan.mail.address import Address
from kairan.mail.envelope import Notify, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.spool.interface import NotLeased
from kit.scripted_transport import (
    DEFERRED,
    FAILED,
    UNREACHABLE,
    ScriptedTransport,
)


def asked(address: str, notify: Notify) -> Recipient:
    return Recipient(Address(address), notify)


def fields_of(report: bytes) -> str:
    """The machine's part of a report."""
    return email.message_from_bytes(report).get_payload()[1].as_string()


# -- what goes out ------------------------------------------------------------------------------


async def test_a_message_to_one_mailbox_is_delivered_and_written_twice(bench):
    await bench.send("user1@kairan.test")
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]
    assert bench.spool.stored.commits == 2  # in, done: no third write to split
    assert bench.trace.names() == ["DELIVER"]


async def test_recipients_behind_one_route_go_in_one_delivery(bench):
    await bench.send("user1@kairan.test", "user2@kairan.test", "USER1@kairan.test")
    await bench.deliver()
    assert [len(recipients) for _, recipients, _ in bench.transport.calls] == [2]
    assert bench.spool.stored.commits == 2


async def test_an_alias_is_delivered_to_its_mailbox_and_the_trace_says_so(bench):
    bench.directory._primary["chief@kairan.test"] = "user1@kairan.test"
    await bench.send("chief@kairan.test")
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]
    assert bench.trace.names() == ["RESOLVE", "DELIVER"]


async def test_a_list_is_split_into_pieces_that_the_transport_takes(bench):
    bench.transport.recipients_max = 30
    await bench.send("all@kairan.test")
    await bench.deliver()
    assert sorted(len(recipients) for _, recipients, _ in bench.transport.calls) == [10, 30, 30, 30]
    assert sorted(bench.delivered()) == sorted(f"user{n}@kairan.test" for n in range(100))
    assert bench.trace.names().count("EXPAND") == 1


async def test_two_routes_make_two_deliveries(bench):
    other = bench.transports["smtp://partner"] = ScriptedTransport()
    routes = (RouteSettings("partner.test", "smtp://partner"), *bench.settings.routes)
    bench.settings = replace(bench.settings, routes=routes)
    await bench.send("user1@kairan.test", "them@partner.test")
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]
    assert [address for _, address in other.delivered] == ["them@partner.test"]
    assert sorted(bench.trace.names()) == ["DELIVER", "SEND"]


async def test_by_mx_each_domain_is_a_delivery_of_its_own(bench):
    bench.settings = replace(bench.settings, routes=(RouteSettings("*", "mx:"),))
    await bench.send("a@one.test", "b@two.test", "c@one.test")
    await bench.deliver()
    assert sorted(len(recipients) for _, recipients, _ in bench.transport.calls) == [1, 2]


async def test_no_more_deliveries_run_than_the_transport_can_use(bench):
    free = asyncio.Event()
    bench.transport.wait = free.wait
    bench.transport.concurrency_max = 3
    bench.transport.is_remote = False
    bench.start()
    for n in range(10):
        await bench.send(f"user{n}@kairan.test")
    await bench.settle()
    assert bench.transport.running == 3
    free.set()
    await bench.deliver()
    assert len(bench.delivered()) == 10
    assert bench.transport.running_most == 3


async def test_a_job_whose_route_is_gone_is_routed_anew(bench):
    bench.transport.answers = {"user1@kairan.test": [DEFERRED, DEFERRED]}
    routes = (RouteSettings("user1@kairan.test", "lmtp://old"), *bench.settings.routes)
    old = bench.settings
    bench.settings = replace(old, routes=routes)
    await bench.send("user1@kairan.test", "user2@kairan.test")
    bench.start()
    await bench.settle()
    assert [job.route for job in bench.spool.stored.jobs.values()] == ["user1@kairan.test"]
    await bench.delivery.stop(1)
    await bench.run
    bench.transport.answers = {}
    bench.settings, bench.delivery = old, None
    await bench.deliver()
    assert sorted(bench.delivered()) == ["user1@kairan.test", "user2@kairan.test"]


# -- what comes back ----------------------------------------------------------------------------


async def test_what_is_put_off_comes_again_and_is_delivered_once(bench):
    bench.transport.answers = {"user1@kairan.test": [DEFERRED, DEFERRED, FAILED]}
    bench.transport.answers["user1@kairan.test"][-1:] = []
    await bench.send("user1@kairan.test", "user2@kairan.test")
    bench.start()
    await bench.settle()
    (job,) = bench.spool.stored.jobs.values()
    assert [r.address for r in job.recipients] == ["user1@kairan.test"]
    assert job.attempts == 1
    assert job.detail == str(DEFERRED.reply)
    bench.transport.answers = {}
    await bench.deliver()
    assert bench.delivered() == ["user2@kairan.test", "user1@kairan.test"]
    assert bench.trace.names() == ["DEFER", "DELIVER", "DELIVER"]


async def test_a_failure_is_reported_to_the_sender_and_the_report_is_delivered(bench):
    bench.transport.answers = {"user1@kairan.test": FAILED}
    await bench.send("user1@kairan.test", "user2@kairan.test")
    await bench.deliver()
    ((envelope, report),) = bench.reports()
    assert [r.address for r in envelope.recipients] == ["boss@kairan.test"]
    assert envelope.sender == ""
    assert "Final-Recipient: rfc822; user1@kairan.test" in fields_of(report)
    assert "user2" not in fields_of(report)
    assert sorted(bench.delivered()) == ["boss@kairan.test", "user2@kairan.test"]


@pytest.mark.parametrize("notify", [Notify.UNSET, Notify.SUCCESS | Notify.FAILURE])
@pytest.mark.parametrize("is_alias", [True, False])
@pytest.mark.parametrize("members", [[], ["left@kairan.test"], ["someone@nowhere.example"]])
async def test_the_sender_hears_of_a_group_that_reaches_nobody(bench, members, is_alias, notify):
    bench.settings = replace(
        bench.settings, routes=(RouteSettings("kairan.test", "maildir:/mail"),)
    )
    head = Group("none@kairan.test", report_to_originator=is_alias)
    bench.directory._groups[head.address] = head
    bench.directory._primary[head.address] = head.address
    bench.directory.members_of[head.address] = members
    await bench.send(asked("none@kairan.test", notify))
    await bench.deliver()
    assert bench.delivered() == ["boss@kairan.test"]
    ((_, report),) = bench.reports()
    assert "Final-Recipient: rfc822; none@kairan.test\nAction: failed" in fields_of(report)
    assert "Action: expanded" not in fields_of(report)


async def test_a_report_that_cannot_be_built_becomes_a_plainer_one(bench, monkeypatch):
    def cannot(*_args, **_named):
        raise UnicodeEncodeError("ascii", "é", 0, 1, "a newer writer of the library")

    monkeypatch.setattr("kairan.delivery.bounces.build_report", cannot)
    bench.transport.answers = {"user1@kairan.test": FAILED}
    await bench.send("user1@kairan.test")
    await bench.deliver()
    ((envelope, content),) = bench.reports()
    assert envelope.recipients[0].address == "boss@kairan.test"
    assert "Final-Recipient: rfc822; user1@kairan.test" in fields_of(content)
    assert bench.delivered() == ["boss@kairan.test"]


async def test_a_report_needs_smtputf8_for_its_addresses_not_for_its_words(bench):
    bench.transport.answers = {
        "user1@kairan.test": Failed(Reply.of(550, "5.1.1", "message/global 存在しない"), "sink")
    }
    await bench.send("user1@kairan.test", smtputf8=True)
    await bench.deliver()
    ((envelope, _),) = bench.reports()
    assert not envelope.smtputf8


async def test_failures_of_one_delivery_share_a_report(bench):
    bench.transport.answers = {"*": FAILED, "boss@kairan.test": bench.transport._answer("")}
    await bench.send("user1@kairan.test", "user2@kairan.test", "user3@kairan.test")
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert fields_of(report).count("Action: failed") == 3


async def test_a_day_without_success_is_a_delay_report_and_then_a_failure(bench):
    bench.transport.answers = {"user1@kairan.test": DEFERRED}
    await bench.send("user1@kairan.test")
    await bench.deliver()
    reports = [fields_of(report) for _, report in bench.reports()]
    assert ["Action: delayed" in reports[0], "Action: failed" in reports[1]] == [True, True]
    assert "Status: 4.4.7" in reports[1]
    assert len(reports) == 2


@pytest.mark.parametrize("answer", [FAILED, DEFERRED])
async def test_never_hears_nothing(bench, answer):
    bench.transport.answers = {"user1@kairan.test": answer}
    await bench.send(asked("user1@kairan.test", Notify.NEVER))
    await bench.deliver()
    assert bench.reports() == []


async def test_success_is_reported_when_asked_for(bench):
    await bench.send(asked("user1@kairan.test", Notify.SUCCESS), "user2@kairan.test")
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert "Action: delivered" in fields_of(report)
    assert "user2" not in fields_of(report)


async def test_a_group_is_reported_as_expanded_and_its_members_are_not(bench):
    await bench.send(asked("all@kairan.test", Notify.SUCCESS))
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert "Action: expanded" in fields_of(report)
    assert "user1@" not in fields_of(report)


async def test_an_unknown_recipient_and_one_without_a_route_are_reported_together(bench):
    bench.settings = replace(
        bench.settings, routes=(RouteSettings("kairan.test", "maildir:/mail"),)
    )
    await bench.send("gone@kairan.test", "them@nowhere.test", "user1@kairan.test")
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert "Status: 5.1.10" in fields_of(report)
    assert "Status: 5.4.4" in fields_of(report)
    assert "user1@kairan.test" in bench.delivered()


async def test_a_group_that_refuses_the_sender_is_reported_and_the_others_get_it(bench):
    closed = Group("closed@kairan.test", accept_from=frozenset({"nobody@kairan.test"}))
    bench.directory._groups[closed.address] = closed
    await bench.send("closed@kairan.test", "user1@kairan.test")
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert "Status: 5.7.124" in fields_of(report)
    assert "user1@kairan.test" in bench.delivered()


# -- attacks 24 and 25 --------------------------------------------------------------------------


async def test_the_null_sender_is_never_answered(bench):
    bench.transport.answers = {"*": FAILED}
    await bench.send("user1@kairan.test", "gone@kairan.test", sender=Address(""))
    await bench.deliver()
    assert len(bench.spool.stored.messages) == 1
    assert bench.trace.names().count("DROP") == 2
    assert bench.delivery.statistics().reports_dropped == 2


async def test_a_report_that_cannot_be_delivered_is_the_end(bench):
    bench.transport.answers = {"*": FAILED}
    await bench.send("user1@kairan.test")
    await bench.deliver()
    assert len(bench.spool.stored.messages) == 2
    assert bench.trace.names().count("DROP") == 1


async def test_a_message_with_too_many_hops_is_a_loop(bench):
    await bench.send("user1@kairan.test", body=b"Received: x\r\n" * 61 + b"\r\n")
    await bench.deliver()
    ((_, report),) = bench.reports()
    assert "Status: 5.4.6" in fields_of(report)
    assert bench.delivered() == ["boss@kairan.test"]


async def test_lists_that_contain_each_other_deliver_once_and_send_no_report(bench):
    bench.directory = type(bench.directory)(
        mailboxes=["boss@kairan.test", "user1@kairan.test"],
        groups=[Group("a@kairan.test"), Group("b@kairan.test")],
        members={
            "a@kairan.test": ["b@kairan.test", "user1@kairan.test"],
            "b@kairan.test": ["a@kairan.test", "user1@kairan.test"],
        },
    )
    await bench.send("a@kairan.test", "b@kairan.test")
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]
    assert bench.reports() == []


# -- who hears of it ----------------------------------------------------------------------------

PRINTER = Account(1, "printer@kairan.test", "", reply_to="boss@kairan.test")
SCANNER = Account(2, "scanner@kairan.test", "")

TARGETS = [
    ("boss@kairan.test", "boss@kairan.test", "boss@kairan.test"),
    ("printer@kairan.test", "printer@kairan.test", "boss@kairan.test"),
    ("scanner@kairan.test", "scanner@kairan.test", "postmaster@kairan.test"),
    ("left@kairan.test", "boss@kairan.test", "postmaster@kairan.test"),
    ("partner@example.com", "boss@kairan.test", "partner@example.com"),
    ("forged@example.com", "", "postmaster@kairan.test"),
]


@pytest.mark.parametrize(("sender", "account", "target"), TARGETS)
async def test_who_hears_of_a_failure(bench, sender, account, target):
    bench.directory = type(bench.directory)(
        mailboxes=["boss@kairan.test"], accounts=[PRINTER, SCANNER]
    )
    await bench.send("gone@kairan.test", sender=Address(sender), account=account)
    await bench.deliver()
    ((envelope, _),) = bench.reports()
    assert [r.address for r in envelope.recipients] == [target]


async def test_a_report_that_the_spool_refuses_keeps_its_recipient_in_the_queue(bench):
    bench.transport.answers = {"user1@kairan.test": FAILED}
    await bench.send("user1@kairan.test", "user2@kairan.test")
    bench.spool.refuses = "disk low"
    bench.start()
    await bench.settle()
    (job,) = bench.spool.stored.jobs.values()
    assert [r.address for r in job.recipients] == ["user1@kairan.test"]
    bench.spool.refuses = None
    await bench.deliver()
    assert len(bench.reports()) == 1
    assert bench.delivered().count("user2@kairan.test") == 1


# -- destinations that do not answer ------------------------------------------------------------


async def test_a_dead_destination_is_not_dialled_for_each_job(bench):
    dead = bench.transports["smtp://dead"] = ScriptedTransport({"*": UNREACHABLE})
    routes = (RouteSettings("dead.test", "smtp://dead"), *bench.settings.routes)
    bench.settings = replace(bench.settings, routes=routes)
    dead.concurrency_max = 2
    for n in range(50):
        await bench.send(f"u{n}@dead.test")
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    assert len(dead.calls) <= 2
    assert len(bench.delivered()) == 50
    assert len(bench.spool.stored.jobs) == 50
    assert min(bench.due_in()) > 0
    assert bench.delivery.statistics().down == ("dead.test",)


async def test_when_it_answers_again_everything_goes_out_once(bench):
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(20):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.delivered() == []
    bench.transport.answers = {}
    await bench.deliver()
    assert sorted(bench.delivered()) == sorted(f"user{n}@kairan.test" for n in range(20))
    assert bench.delivery.statistics().down == ()


async def test_a_slow_destination_that_fills_the_window_makes_way(bench):
    never = asyncio.Event()
    bench.transports["smtp://slow"] = ScriptedTransport(wait=never.wait, concurrency_max=1)
    routes = (RouteSettings("slow.test", "smtp://slow"), *bench.settings.routes)
    bench.settings = replace(
        bench.settings,
        routes=routes,
        in_flight_jobs_max=16,
        destination=DestinationSettings(ready_min=2),
    )
    for n in range(30):
        await bench.send(f"u{n}@slow.test")
    await bench.send("user1@kairan.test")
    bench.start(monotonic=time.monotonic)
    await bench.wait_until(lambda: bench.delivered() == ["user1@kairan.test"])
    assert all(job.attempts == 0 for job in bench.spool.stored.jobs.values())


async def test_a_defect_of_a_transport_costs_a_try_not_the_message(bench):
    async def broken():
        if len(bench.transport.calls) == 1:
            raise ZeroDivisionError

    bench.transport.wait = broken
    await bench.send("user1@kairan.test")
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]
    assert bench.trace.names() == ["DEFER", "DELIVER"]


async def test_a_job_that_cannot_be_planned_does_not_stop_the_others(bench):
    bench.directory.group = lambda address: {"user1@kairan.test": None}[address]
    await bench.send("user2@kairan.test")
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.delivered() == ["user1@kairan.test"]
    assert [job.attempts for job in bench.spool.stored.jobs.values()] == [1]


async def test_hundreds_that_wait_for_a_destination_which_falls_silent_are_put_off(bench):
    bench.transport.answers = {"*": UNREACHABLE}
    bench.transport.concurrency_max = 1
    for n in range(300):
        await bench.send(f"user{n % 100}@kairan.test")
    bench.start()
    await bench.settle()
    assert len(bench.transport.calls) == 1
    attempts = [job.attempts for job in bench.spool.stored.jobs.values()]
    assert sorted(attempts) == [0] * 299 + [1]  # what was not tried has not used up a try


# -- stopping -----------------------------------------------------------------------------------


async def test_stop_lets_running_deliveries_finish(bench):
    free = asyncio.Event()
    bench.transport.wait = free.wait
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    stopping = asyncio.create_task(bench.delivery.stop(10))
    await bench.idle()
    free.set()
    await stopping
    await bench.settle()
    assert bench.delivered() == ["user1@kairan.test"]
    assert not bench.spool.stored.jobs
    assert bench.transport.is_closed


async def test_stop_waits_for_the_reports_of_what_it_let_finish(bench):
    """Cut off, the whole job would come again, to those who have it too."""
    free = asyncio.Event()
    bench.transport.wait = free.wait
    bench.transport.answers = {"user1@kairan.test": FAILED}
    await bench.send("user1@kairan.test", "user2@kairan.test")
    bench.start()
    await bench.settle()
    stopping = asyncio.create_task(bench.delivery.stop(10))
    await bench.idle()
    free.set()
    await stopping
    await bench.settle()
    assert bench.delivered() == ["user2@kairan.test"]
    assert len(bench.reports()) == 1
    (waiting,) = bench.spool.stored.jobs.values()
    assert [r.address for r in waiting.recipients] == ["boss@kairan.test"]


async def test_stop_gives_back_what_does_not_finish_in_time(bench):
    bench.transport.wait = asyncio.Event().wait
    bench.transport.concurrency_max = 1
    await bench.send("user1@kairan.test")
    await bench.send("user2@kairan.test")
    bench.start()
    await bench.settle()
    await bench.delivery.stop(0)
    assert len(await bench.spool.wait_lease(10)) == 2


async def test_statistics_count_what_happened(bench):
    bench.transport.answers = {"user1@kairan.test": FAILED}
    await bench.send("user1@kairan.test", "user2@kairan.test")
    await bench.deliver()
    statistics = bench.delivery.statistics()
    assert (statistics.delivered, statistics.failed, statistics.reports) == (2, 1, 1)
    assert (statistics.leased, statistics.waiting, statistics.running) == (0, 0, 0)


async def test_nothing_begins_while_the_spool_does_not_record(bench):
    """What waits goes back to the spool, what runs may end, and all go on when it is well."""
    answered = asyncio.Event()
    bench.transport.wait = answered.wait
    bench.transport.concurrency_max = 2
    for n in range(8):
        await bench.send(f"user{n}@kairan.test")
    delivery = bench.start()
    await bench.settle()
    begun = len(bench.transport.calls)
    assert 0 < begun < 8
    bench.spool.is_recording = False
    answered.set()
    await bench.settle()
    assert len(bench.transport.calls) == begun
    assert delivery.statistics().waiting == 0
    bench.spool.is_recording = True
    await bench.deliver()
    assert sorted(bench.delivered()) == [f"user{n}@kairan.test" for n in range(8)]


async def test_a_spool_that_fails_while_a_content_is_read_begins_nothing(bench, monkeypatch):
    read = bench.spool.content

    async def read_and_fail(message):
        content = await read(message)
        bench.spool.is_recording = False
        return content

    await bench.send("user1@kairan.test")
    monkeypatch.setattr(bench.spool, "content", read_and_fail)
    bench.start()
    await bench.settle()
    assert bench.transport.calls == []
    monkeypatch.undo()
    bench.spool.is_recording = True
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"]


@pytest.mark.parametrize("error", [ValueError, UnicodeError, KeyError])
async def test_a_result_that_cannot_be_written_costs_no_message(bench, monkeypatch, error):
    """Only what an operator took away is let go; a defect of ours is not taken for that."""
    complete = bench.spool.complete
    faults = [error("a defect")]

    def cannot(job):
        if faults:
            raise faults.pop()
        return complete(job)

    monkeypatch.setattr(bench.spool, "complete", cannot)
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    (job,) = bench.spool.stored.jobs.values()
    assert job.detail == str(catalogue.INTERNAL_ERROR.reply)
    assert bench.delivery.statistics().leased == 0
    await bench.deliver()
    assert bench.delivered() == ["user1@kairan.test"] * 2


async def test_what_an_operator_took_away_meanwhile_is_let_go(bench, monkeypatch):
    def gone(job):
        bench.spool.stored.jobs.clear()
        bench.spool._leased.clear()
        raise NotLeased("dropped")

    monkeypatch.setattr(bench.spool, "complete", gone)
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.delivery.statistics().leased == 0
    assert not bench.spool.stored.jobs
