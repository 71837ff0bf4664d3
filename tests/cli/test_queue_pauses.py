"""kairan queue pause and resume; who did what to the queue stands in the trace."""

import asyncio

import pytest

from cli.test_queue_commands import append, letter
from kairan.delivery.pauses import OperatorPause, PauseKind, read_pauses
from kairan.trace.search import search


@pytest.fixture
def routed(people):
    """Routes by pattern to one hub, by MX, and for the rest."""
    path = people.place / "kairan.toml"
    text = path.read_text(encoding="utf-8")
    head, _, _ = text.partition("[[delivery.routes]]")
    routes = [
        ("akiko@example.com", "smtp://hub:25"),
        ("example.com", "smtp://hub:25"),
        ("*", "mx:"),
    ]
    text = head + "".join(
        f'[[delivery.routes]]\npattern = "{pattern}"\nto = "{to}"\n' for pattern, to in routes
    )
    path.write_text(text, encoding="utf-8")
    spool = people.place / "data" / "spool" / "shard-0"
    one = letter("ben@example.com", "akiko@example.com", message_id="<one@example.com>")
    two = letter("ben@example.com", "cleo@example.com", "x@out.example", message_id="<two@x>")
    asyncio.run(append(spool, one, two))
    return people


def paused(shell) -> list[tuple[str, str]]:
    return [(one.kind.value, one.name) for one in read_pauses(shell.place / "data/pauses.json")]


def test_a_route_is_found_though_no_job_has_it_written_down(routed):
    jobs = routed.done("queue", "list", "--json").json
    assert [job["route"] for job in jobs] == ["akiko@example.com", "example.com, *"]
    found = routed.done("queue", "list", "--route", "*", "--json").json
    assert [job["message_id"] for job in found] == ["<two@x>"]


def test_what_goes_by_a_route_is_held_and_the_rest_is_not(routed):
    assert routed.done("queue", "hold", "--route", "akiko@example.com", "--json").json == {
        "changed": 1
    }
    held = routed.done("queue", "list", "--held", "--json").json
    assert [job["message_id"] for job in held] == ["<one@example.com>"]


@pytest.mark.parametrize(
    ("commands", "events"),
    [
        ([["hold", "--all"]], ["HOLD"] * 3),
        ([["hold", "--all"], ["hold", "--all"]], ["HOLD"] * 3),
        ([["release", "--all"]], []),
        ([["hold", "--to", "akiko@example.com"], ["release", "--all"]], ["HOLD", "RELEASE"]),
        ([["retry", "--to", "akiko@example.com"]], ["RETRY"]),
        ([["retry", "--all"]], ["RETRY"]),  # of the whole queue
        ([["drop", "--all", "--yes"]], ["DROP"] * 3),
    ],
)
def test_each_change_of_a_job_is_an_event_with_who_made_it(routed, commands, events):
    for words in commands:
        routed.done("queue", *words)
    found = search(routed.place / "data" / "trace")
    assert [event.event for event in found] == events
    assert all("uid" in event.detail for event in found)


def test_the_trace_of_a_message_tells_that_it_was_dropped(routed):
    routed.done("queue", "drop", "--to", "akiko@example.com", "--yes")
    [event] = search(routed.place / "data" / "trace", message_id="<one@example.com>")
    assert (event.event, event.recipient) == ("DROP", "akiko@example.com")


def test_a_trace_that_cannot_be_written_does_not_keep_mail_from_being_dropped(routed):
    (routed.place / "data" / "trace").write_text("in the way", encoding="utf-8")
    answer = routed.done("queue", "drop", "--all", "--yes")
    assert "2 jobs dropped" in answer.out
    assert "trace" in answer.err


def test_a_route_is_paused_once_and_resumed(routed):
    for _ in range(2):
        routed.done("queue", "pause", "--route", "example.com")
    assert paused(routed) == [("route", "example.com")]
    routed.done("queue", "resume", "--route", "example.com")
    assert paused(routed) == []


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("smtp://hub:25", "akiko@example.com"),  # the first route to it: the queue they share
        ("out.example", "* out.example"),
        ("OUT.example", "* out.example"),
        ("akiko@example.com", "akiko@example.com"),
    ],
)
def test_a_destination_is_named_by_its_text_its_queue_or_a_domain_by_mx(routed, name, queue):
    routed.done("queue", "pause", "--destination", name)
    assert paused(routed) == [("destination", queue)]
    routed.done("queue", "resume", "--destination", name)
    assert paused(routed) == []


def test_all_is_resumed_at_once_and_it_is_known_who_paused(routed):
    routed.done("queue", "pause", "--route", "*")
    [pause] = read_pauses(routed.place / "data" / "pauses.json")
    assert pause == OperatorPause(PauseKind.ROUTE, "*", pause.by, pause.since)
    assert "uid" in pause.by
    routed.done("queue", "pause", "--destination", "out.example")
    answer = routed.done("queue", "resume", "--all", "--json").json
    assert len(answer["resumed"]) == 2
    assert paused(routed) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pause"], "--route"),
        (["pause", "--route", "*", "--destination", "out.example"], "--route"),
        (["pause", "--route", "exmaple.com"], "akiko@example.com, example.com, *"),
        (["pause", "--destination", "smtp://hub:26"], "no route leads"),
        (["resume", "--route", "*"], "not paused"),
        (["resume", "--all", "--route", "*"], "--all"),
    ],
)
def test_what_cannot_be_meant_is_said(routed, words, says):
    assert says in routed.refused("queue", *words)
