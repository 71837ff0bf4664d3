"""kairan queue, over the shards of two workers that are not running."""

import asyncio
import time

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.queue import listing
from kairan.queue.jobs import ANYTHING
from kairan.spool.operator_view import JobFilter
from kairan.spool.place import SpoolPlace
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.operator.view import ShardView
from kairan.spool.sqlite.shard import SqliteSpool

SETTINGS = SpoolSettings(free_octets_min=0, free_inodes_min=0)
CONTENT = b"Subject: Payslip\r\nX-Colour: red\r\n\r\nThe body.\r\n"
HOUR = 3600.0


def letter(sender: str, *recipients: str, message_id: str) -> Envelope:
    return Envelope(
        sender=Address(sender),
        recipients=tuple(Recipient(Address(recipient)) for recipient in recipients),
        arrived=time.time() - HOUR,
        message_id=message_id,
        size=len(CONTENT),
    )


async def append(path, *letters):
    spool = await SqliteSpool.open(path, SETTINGS)
    for one in letters:
        await spool.append(one, CONTENT)
    await spool.close()


@pytest.fixture
def queue(shell):
    """Shard 0: payroll to akiko and ben; shard 1: printer to cleo."""
    spool = shell.place / "data" / "spool"
    pay = letter(
        "payroll@example.com",
        "akiko@example.com",
        "ben@example.com",
        message_id="<pay@example.com>",
    )
    scan = letter("printer@example.com", "cleo@example.com", message_id="<scan@example.com>")
    asyncio.run(append(spool / "shard-0", pay))
    asyncio.run(append(spool / "shard-1", scan))
    return shell


def listed(shell, *words):
    return shell.done("queue", "list", *words, "--json").json


def ids(shell, *words):
    return [job["id"] for job in listed(shell, *words)]


def test_list_shows_all_shards(queue):
    jobs = {job["sender"]: job for job in listed(queue)}
    pay = jobs["payroll@example.com"]
    assert pay["id"].startswith("0-")
    assert pay["message_id"] == "<pay@example.com>"
    assert pay["recipients"] == ["akiko@example.com", "ben@example.com"]
    assert pay["size"] == len(CONTENT)
    assert (pay["held"], pay["quarantined"], pay["attempts"]) == (False, False, 0)
    assert jobs["printer@example.com"]["id"].startswith("1-")


@pytest.mark.parametrize(
    ("words", "shards"),
    [
        ((), ["0", "1"]),
        (("--from", "PAYROLL@example.com"), ["0"]),
        (("--to", "cleo@example.com"), ["1"]),
        (("--message-id", "scan@example.com"), ["1"]),
        (("--to", "nobody@example.com"), []),
        (("--held",), []),
        (("--not-held",), ["0", "1"]),
        (("--quarantined",), []),
    ],
)
def test_conditions_narrow_the_list(queue, words, shards):
    assert [one[0] for one in ids(queue, *words)] == shards


def test_stats_sum_over_the_shards(queue):
    numbers = queue.done("queue", "stats", "--json").json
    assert (numbers["messages"], numbers["recipients"]) == (2, 3)
    assert HOUR <= numbers["oldest_age_seconds"] < HOUR + 600


def test_stats_of_a_service_that_never_ran_are_zeros(shell):
    numbers = shell.done("queue", "stats", "--json").json
    assert set(numbers.values()) == {0}


def test_show_gives_jobs_size_and_header_but_not_the_body(queue):
    shown = queue.done("queue", "show", ids(queue)[0], "--json").json
    assert [job["sender"] for job in shown["jobs"]] == ["payroll@example.com"]
    assert shown["size"] == len(CONTENT)
    assert shown["header"] == "Subject: Payslip\r\nX-Colour: red\r\n"
    assert "X-Colour: red" in queue.done("queue", "show", ids(queue)[0]).out


def test_hold_and_release_by_id(queue):
    first, second = ids(queue)
    assert queue.done("queue", "hold", first, "--json").json == {"changed": 1}
    assert (ids(queue, "--held"), ids(queue, "--not-held")) == ([first], [second])
    assert queue.done("queue", "hold", first, "--json").json == {"changed": 0}
    assert queue.done("queue", "release", first, "--json").json == {"changed": 1}
    assert ids(queue, "--held") == []


def test_a_messages_id_means_all_its_jobs(queue):
    job = ids(queue)[0]
    assert queue.done("queue", "hold", job.partition(".")[0], "--json").json == {"changed": 1}


def test_hold_by_condition_and_all(queue):
    queue.done("queue", "hold", "--to", "cleo@example.com")
    assert len(ids(queue, "--held")) == 1
    assert queue.done("queue", "release", "--all", "--json").json == {"changed": 1}


def test_retry_makes_due_now(queue):
    assert queue.done("queue", "retry", "--all", "--json").json == {"changed": 2}
    assert all(job["due"][:4] >= "2026" for job in listed(queue))


def test_drop_removes_for_good(queue):
    first, second = ids(queue)
    queue.done("queue", "drop", first)
    assert ids(queue) == [second]
    queue.done("queue", "drop", "--from", "printer@example.com", "--yes")
    assert ids(queue) == []
    assert "nothing waits" in queue.done("queue", "list").out


def test_one_wrong_id_among_right_ones_is_said(queue):
    assert "0-999 is not in the queue" in queue.refused("queue", "hold", "0-999", ids(queue)[0])


def test_what_is_in_quarantine_is_listed_with_its_reason(queue):
    aside = queue.place / "data" / "spool" / "shard-0" / "quarantine"
    aside.mkdir(exist_ok=True)
    (aside / "message-7").write_bytes(b"?")
    (aside / "message-7.reason").write_text("checksum does not match\n")
    [found] = listed(queue, "--quarantined")
    assert found["quarantined"] is True
    assert found["what"] == "message-7"
    assert found["path"] == str(aside / "message-7")
    assert "in quarantine: " in queue.done("queue", "list").out


def test_a_table_of_many_recipients_stays_readable(shell):
    many = [f"user{number:03}@example.com" for number in range(10)]
    spool = shell.place / "data" / "spool" / "shard-0"
    asyncio.run(append(spool, letter("a@example.com", *many, message_id="<x@example.com>")))
    assert "user002@example.com and 7 more" in shell.done("queue", "list").out


def test_a_long_queue_is_listed_by_several_processes_as_by_one(queue, monkeypatch):
    def letters(shard):
        return (
            letter("a@example.com", f"{shard}{n}@example.com", message_id=f"<{n}@x>")
            for n in range(25)
        )

    spool = queue.place / "data" / "spool"
    for shard in (0, 1):
        asyncio.run(append(spool / f"shard-{shard}", *letters(shard)))
    (spool / "shard-0" / "quarantine" / "7.eml").write_bytes(CONTENT)

    def lines(conditions):
        def text_of(shard, jobs):
            return "\n".join(f"{shard} {job}" for job in jobs)

        return "\n".join(listing.listed(SpoolPlace(spool), conditions, text_of)).split("\n")

    whole = lines(ANYTHING)
    monkeypatch.setattr(listing, "PART_MESSAGES", 4)
    monkeypatch.setattr(listing, "processors", lambda: 3)
    assert lines(ANYTHING) == whole
    assert len(whole) == 2 * 25 + 2 + 1
    assert len(lines(JobFilter(recipient="024@example.com"))) == 1


def test_to_retry_the_whole_queue_is_one_event_of_the_trace(queue):
    queue.done("queue", "retry", "--all")
    queue.done("queue", "retry", "--from", "payroll@example.com")
    events = queue.done("trace", "--event", "RETRY", "--json").json
    assert [event["recipient"] for event in events].count("") == 1
    (whole,) = (event for event in events if not event["recipient"])
    assert whole["detail"].startswith("the whole queue, 2 jobs, by ")
    assert {event["recipient"] for event in events} == {"", "akiko@example.com", "ben@example.com"}


def test_what_was_looked_at_can_be_changed_though_an_index_of_the_wal_was_left(queue):
    """As after a kill, or when two who look at once leave: the last to close may not remove it."""
    shard = queue.place / "data" / "spool" / "shard-0"
    with ShardView(shard) as first:
        assert (shard / "queue.db-shm").exists()
        with ShardView(shard) as second:
            assert list(second.list())
            assert second.hold(ANYTHING.condition()) == 1
        assert [item.held for item in first.list()] == [True]
