"""Log lines: one per try, message id first."""

import structlog

from kairan.delivery.transport import Deferred, Failed
from kairan.relay import faults
from kit.scripted_transport import FAILED, NO_SUCH_USER


async def test_recipients_with_the_same_answer_share_a_line_and_others_have_their_own(bench):
    bench.transport.answers = {"user2@kairan.test": FAILED}
    await bench.send("user1@kairan.test", "user2@kairan.test", "user3@kairan.test")
    with structlog.testing.capture_logs() as lines:
        bench.start()
        await bench.settle()
    first, second = lines[:2]
    assert (first["event"], first["message"]) == ("delivery.tried", "<0@test>")
    assert (first["to"], first["status"]) == ("user1@kairan.test,user3@kairan.test", "delivered")
    assert (second["to"], second["dsn"], second["status"]) == (
        "user2@kairan.test",
        "5.1.1",
        "failed",
    )


async def test_a_line_names_fifty_and_counts_the_rest(bench):
    bench.transport.recipients_max = 100
    await bench.send("all@kairan.test")
    with structlog.testing.capture_logs() as lines:
        await bench.deliver()
    assert lines[-1]["to"].count("@") == 50
    assert lines[-1]["to"].endswith(",+50")


async def test_a_rule_that_refused_is_named(bench):
    await bench.send("gone@kairan.test")
    with structlog.testing.capture_logs() as lines:
        bench.start()
        await bench.settle()
    assert lines[0]["rule"] == "recipient-unknown"
    assert lines[0]["relay"] == "none"


async def test_the_trace_says_who_answered_what(bench):
    bench.transport.answers = {"user1@kairan.test": Failed(NO_SUCH_USER, "mx1.example.com:25")}
    await bench.send("user1@kairan.test")
    await bench.deliver()
    event = bench.trace.events[0]
    assert event["detail"] == "mx1.example.com:25 550 5.1.1 No such user"
    assert (event["sender"], event["recipient"]) == ("boss@kairan.test", "user1@kairan.test")


async def test_who_may_get_it_twice_is_unknown_in_the_trace_and_in_the_log(bench):
    may_have_arrived = Deferred(faults.UNKNOWN, "mx1.example.com:25", is_unknown=True)
    bench.transport.answers = {"user1@kairan.test": may_have_arrived}
    await bench.send("user1@kairan.test")
    with structlog.testing.capture_logs() as lines:
        bench.start()
        await bench.settle()
    assert bench.trace.names() == ["UNKNOWN"]
    assert next(one["status"] for one in lines if one["event"] == "delivery.tried") == "unknown"
    bench.transport.answers = {}
    await bench.deliver()
    assert bench.trace.names() == ["UNKNOWN", "DELIVER"]
