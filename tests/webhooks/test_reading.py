"""From the trace to what waits: once for each recipient and what became of it, within bounds."""

import random
import sqlite3

import pytest

from kairan.alerts.alert import Concern
from kairan.outcomes.outcome import Text
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kairan.web.settings import WebhookSettings
from kairan.webhooks.hook import TOLD_EVENTS, WebhookError, WebhookEvent
from kairan.webhooks.store import WEBHOOKS_MAX, WebhookStore
from kairan.webhooks.tasks import Webhooks, retry_delay
from kit.receiver import receiver

NOW = 1_800_000_000.0
ANN, BEN = "ann@example.com", "ben@example.com"
REPLY = "relay 421 4.4.1 later"


class Scene:
    """A trace that tells what a test says, and the tasks of the process with a clock of the test's."""

    def __init__(self, place, **settings):
        self.now = NOW
        self.place = place
        self.concerns = []
        self.settings = WebhookSettings(networks_allowed=("127.0.0.0/8",), **settings)
        self.store = WebhookStore.of_folder(place / "webhooks")
        self.tasks = self.new_tasks()

    def new_tasks(self):
        return Webhooks(
            self.settings,
            "mail.example.com",
            self.place / "trace",
            self.store,
            lambda: self.concerns,
            0.0,
            lambda: self.now,
            random.Random(1),
        )

    def happens(self, *events, file="trace-0", spool_id=81, message="<a@example.com>"):
        """`events`: name and recipient, a millisecond apart, at the present of the clock."""
        moments = iter([self.now + number / 1000 for number in range(len(events) + 10)])
        trace = Trace(
            self.place / "trace" / f"{file}.db", TraceSettings(), clock=lambda: next(moments)
        )
        for name, recipient in events:
            trace.record(
                name, message_id=message, recipient=recipient, detail=REPLY, spool_id=spool_id
            )
        trace.close()
        self.now += 1

    def add(self, name="shop", url="https://shop.example.com/", events=TOLD_EVENTS):
        return self.store.add(name, url, events, {}, self.now)

    def read(self, hook):
        self.tasks._look([hook])

    def waiting(self, hook, later=0.0):
        return [
            one["event"] + " " + one.get("recipient", one.get("about", ""))
            for one in map(_parsed, self.store.next_batch(hook.number, self.now + later))
        ]


def _parsed(one):
    import json

    return json.loads(one.body)


@pytest.fixture
def scene(tmp_path):
    one = Scene(tmp_path)
    yield one
    one.store.close()


def test_each_recipient_and_what_became_of_it_is_one_event(scene):
    hook = scene.add()
    scene.happens(
        ("RECEIVE", ""), ("EXPAND", "all@example.com"), ("DELIVER", ANN), ("SEND", BEN), ("DSN", "")
    )
    scene.happens(("FAIL", "c@example.com"), ("DROP", "d@example.com"), file="trace-commands")
    scene.read(hook)
    assert sorted(scene.waiting(hook)) == [
        f"delivered {ANN}",
        f"delivered {BEN}",
        "dropped d@example.com",
        "failed c@example.com",
    ]


def test_what_happened_before_it_was_added_is_not_told(scene):
    scene.happens(("DELIVER", ANN))
    hook = scene.add()
    scene.happens(("DELIVER", BEN))
    scene.read(hook)
    assert scene.waiting(hook) == [f"delivered {BEN}"]


def test_a_delivery_that_is_done_twice_is_told_once(scene):
    """As after a crash between the delivery and its commit; the second while the first waits, and after
    it was taken.
    """
    hook = scene.add()
    for _ in range(3):
        scene.happens(("DELIVER", ANN))
        scene.read(hook)
        batch = scene.store.next_batch(hook.number, scene.now)
        scene.store.taken(hook.number, batch, "HTTP 200", scene.now)
    assert scene.store.find("shop").sent == 1


def test_two_messages_with_one_id_are_two(scene):
    hook = scene.add()
    scene.happens(("DELIVER", ANN), spool_id=81)
    scene.happens(("DELIVER", ANN), spool_id=82)
    scene.happens(("DELIVER", ANN), spool_id=81, file="trace-1")
    scene.read(hook)
    ids = {one.id for one in scene.store.next_batch(hook.number, scene.now)}
    assert len(ids) == 3


def test_a_delay_is_told_when_it_has_lasted_and_once(scene):
    hook = scene.add()
    scene.happens(("DEFER", ANN), ("UNKNOWN", ANN), ("DEFER", ANN))
    scene.read(hook)
    assert scene.waiting(hook) == []
    assert scene.waiting(hook, later=300) == [f"delayed {ANN}"]


@pytest.mark.parametrize("end", ["DELIVER", "FAIL", "DROP"])
def test_what_ends_within_the_time_was_no_delay(scene, end):
    hook = scene.add(events=[WebhookEvent.DELAYED])
    scene.happens(("DEFER", ANN), ("DEFER", BEN))
    scene.read(hook)
    scene.happens((end, ANN))
    scene.read(hook)
    assert scene.waiting(hook, later=300) == [f"delayed {BEN}"]


def test_only_what_was_asked_for_is_told(scene):
    hook = scene.add(events=[WebhookEvent.FAILED])
    scene.happens(("DELIVER", ANN), ("FAIL", BEN), ("DEFER", "c@example.com"))
    scene.read(hook)
    assert scene.waiting(hook, later=300) == [f"failed {BEN}"]


def test_after_the_clock_was_set_back_nothing_is_missed_and_nothing_is_told_twice(scene):
    hook = scene.add()
    scene.happens(*[("DELIVER", f"early-{n}@example.com") for n in range(5)])
    scene.now += 3_600
    scene.happens(*[("DELIVER", f"wrong-{n}@example.com") for n in range(5)])
    scene.read(hook)
    seen = [*scene.waiting(hook)]
    batch = scene.store.next_batch(hook.number, scene.now)
    scene.store.taken(hook.number, batch, "HTTP 200", scene.now)
    scene.now = NOW + 60  # an hour back
    for second in range(5):
        scene.happens(("DELIVER", f"right-{second}@example.com"))
        scene.read(hook)
    scene.now = NOW + 4_000  # over the first moments again
    scene.read(hook)
    later = scene.waiting(hook)
    assert len(seen) == 10
    assert sorted(later) == [f"delivered right-{n}@example.com" for n in range(5)]


def test_of_a_webhook_that_takes_nothing_a_bounded_number_waits_and_nothing_is_lost(tmp_path):
    scene = Scene(tmp_path, waiting_events_max=10)
    hook = scene.add()
    scene.happens(*[("DELIVER", f"{n}@example.com") for n in range(45)])
    taken = []
    for _ in range(10):
        scene.read(hook)
        assert scene.store.waiting(hook.number, scene.now).everything <= 10
        batch = scene.store.next_batch(hook.number, scene.now)
        scene.store.taken(hook.number, batch, "HTTP 200", scene.now)
        taken += [one.id for one in batch]
    scene.store.close()
    assert len(taken) == len(set(taken)) == 45


def test_delays_that_may_pass_do_not_keep_the_others_waiting(tmp_path):
    scene = Scene(tmp_path, waiting_events_max=10)
    hook = scene.add()
    scene.happens(*[("DEFER", f"{n}@example.com") for n in range(50)], ("DELIVER", ANN))
    for _ in range(6):
        scene.read(hook)
    assert scene.waiting(hook) == [f"delivered {ANN}"]
    scene.store.close()


def test_what_is_not_taken_in_time_is_dropped_and_counted(scene, capsys):
    hook = scene.add()
    scene.happens(("DELIVER", ANN), ("DELIVER", BEN))
    scene.read(hook)
    scene.now += scene.settings.expiry_seconds + 60
    scene.tasks = scene.new_tasks()
    scene.read(hook)
    assert scene.waiting(hook) == []
    assert scene.store.find("shop").dropped == 2


def test_what_was_never_read_in_time_is_counted_too(scene):
    hook = scene.add()
    scene.happens(("DELIVER", ANN), ("DELIVER", BEN))
    scene.now += scene.settings.expiry_seconds + 60
    scene.read(hook)
    assert scene.waiting(hook) == []
    assert scene.store.find("shop").dropped == 2


def test_an_event_takes_no_more_than_it_may(scene):
    hook = scene.add()
    long = "\u202e回" * 5_000
    scene.happens(("FAIL", long + "@example.com"), message=f"<{long}>")
    scene.read(hook)
    (one,) = scene.store.next_batch(hook.number, scene.now)
    assert len(one.body.encode()) <= 10_000
    assert "\u202e" not in one.body


def test_what_is_of_concern_is_told_when_it_begins_and_when_it_is_over(scene):
    hook = scene.add(events=[WebhookEvent.QUEUE_TOO_OLD, WebhookEvent.DEVICE_QUIET])
    age = Concern("age mx", "age", "mx.example.com", Text("Mail waits.", "待機中"))
    quiet = Concern("quiet p1", "quiet", "printer-1", Text("Nothing came.", "なし"))
    other = Concern("certificate x", "certificate", "x", Text("It ends.", "終了"))
    told = []
    for concerns in ([age, other], [age, quiet], [quiet], []):
        scene.concerns = concerns
        scene.read(hook)
        batch = scene.store.next_batch(hook.number, scene.now)
        scene.store.taken(hook.number, batch, "HTTP 200", scene.now)
        told += [(one["event"], one["state"], one["about"]) for one in map(_parsed, batch)]
        scene.now += 60
    assert told == [
        ("queue-too-old", "began", "mx.example.com"),
        ("device-quiet", "began", "printer-1"),
        ("queue-too-old", "over", "mx.example.com"),
        ("device-quiet", "over", "printer-1"),
    ]


def test_a_look_that_fails_keeps_nobody_from_being_told(scene):
    hook = scene.add()
    scene.happens(("DELIVER", ANN))

    def broken():
        raise RuntimeError("a defect")

    scene.tasks.look = broken
    scene.read(hook)
    assert scene.waiting(hook) == [f"delivered {ANN}"]


async def test_who_fails_is_asked_later_and_gets_the_same_ids(tmp_path):
    scene = Scene(tmp_path)
    with receiver() as target:
        target.status = 500
        hook = scene.add(url=target.url)
        scene.happens(("DELIVER", ANN), ("FAIL", BEN))
        scene.read(hook)
        await scene.tasks._send(scene.store.find("shop"))
        failed = scene.store.find("shop")
        assert failed.failures == 1
        assert failed.last_answer == "HTTP 500"
        assert not scene.tasks._is_due(failed, scene.now)
        scene.now = failed.next_try
        assert scene.tasks._is_due(failed, scene.now)
        target.status = 200
        await scene.tasks._send(failed)
    scene.store.close()
    first, second = target.requests
    assert [one["id"] for one in first.events] == [one["id"] for one in second.events]
    assert scene.settings.retry_first_seconds / 2 <= failed.next_try - NOW - 1


async def test_one_that_is_removed_hears_no_more(tmp_path):
    scene = Scene(tmp_path)
    with receiver() as target:
        hook = scene.add(url=target.url)
        scene.happens(("DELIVER", ANN))
        scene.read(hook)
        scene.store.remove("shop")
        again = scene.add(url=target.url)
        await scene.tasks._send(hook)
        await scene.tasks._send(again)
        scene.read(hook)
    assert not target.requests
    scene.store.close()


def test_the_delay_is_doubled_up_to_its_bound():
    settings, rng = WebhookSettings(), random.Random(7)
    delays = [retry_delay(n, settings, rng) for n in (1, 2, 3, 12, 5_000)]
    assert 2.5 <= delays[0] <= 5
    assert 10 <= delays[2] <= 20
    assert all(1_800 <= one <= 3_600 for one in delays[3:])


def test_a_clock_that_was_set_back_delays_no_retry(scene):
    hook = scene.add()
    scene.store.not_taken(hook.number, "HTTP 500", scene.now + 86_400)
    assert scene.tasks._is_due(scene.store.find("shop"), scene.now)


def test_there_is_an_end_to_their_number_and_a_name_is_one_webhooks(scene):
    for number in range(WEBHOOKS_MAX):
        scene.add(f"hook-{number}")
    for name in ("one-more", "hook-1", "", "a b", "../x"):
        with pytest.raises(WebhookError):
            scene.add(name)


def test_nobody_else_reads_the_secrets(scene, tmp_path):
    scene.add()
    folder = tmp_path / "webhooks"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "webhooks.db").stat().st_mode & 0o077 == 0
    assert "kai~" not in repr(scene.store.find("shop"))


def test_a_damaged_file_of_the_trace_is_no_reason_to_end(scene):
    hook = scene.add()
    (scene.place / "trace").mkdir()
    (scene.place / "trace" / "trace-0.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(sqlite3.DatabaseError):
        scene.read(hook)
