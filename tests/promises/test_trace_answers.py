"""A large trace answers at once: 1,000,000 events, by id or by recipient, in 0.2 s."""

import sqlite3
import time

import pytest

from kairan.trace import lookup
from kairan.trace.keys import search_key
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kairan.trace.story import Wanted, find_messages

SECONDS_MAX = 0.2
START = 1_767_603_600.0
DAY = 86_400.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """Ninety days of two workers."""
    number = 1_000_000 if request.config.getoption("--promises") == "full" else 40_000
    folder = tmp_path_factory.mktemp("large") / "trace"
    for worker in range(2):
        path = folder / f"trace-{worker}.db"
        Trace(path, TraceSettings()).close()
        with sqlite3.connect(path) as database:
            written = list(rows(worker, number // 2))
            database.executemany(
                "INSERT INTO event VALUES (?,?,?,?,?,?,?,0,?,?,?,'','',0,'','',NULL)", written
            )
            lookup.write(database, ((id_, m, s, [r] if r else []) for id_, *_, m, s, r in written))
        database.close()
    return folder


def rows(worker, number):
    """Four events of each message; 5,000 recipients, and one of a quarter of all mail."""
    for n in range(number):
        message, step = divmod(n, 4)
        moment = int((START + n * 89 * DAY / number) * 1_000_000)
        day = moment // (86_400 * 1_000_000)
        message_id = f"<{message * 2 + worker}@x>"
        sender = f"app{message % 100}@kairan.test"
        name = "many" if message % 4 == 0 else f"user{message % 5_000}"
        recipient = f"{name}@kairan.test" if step > 1 else ""
        event = ("RECEIVE", "EXPAND", "DEFER", "DELIVER")[step]
        keys = (search_key(text, day) for text in (message_id, sender, recipient))
        yield (moment, event, message_id, sender, recipient, "250 2.0.0 OK", "192.0.2.1", *keys)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(message_id="<77@x>"),
        Wanted(recipient="user77@kairan.test"),
        Wanted(recipient="many@kairan.test"),
        Wanted(recipient="nobody@kairan.test"),
    ],
    ids=lambda wanted: wanted.message_id or wanted.recipient,
)
def test_by_id_or_recipient_the_answer_is_there_at_once(folder, wanted):
    """Processor time: what else the machine does is not the trace's."""
    took = []
    for _ in range(5):
        began = time.process_time()
        found = find_messages(folder, wanted, limit=100)
        took.append(time.process_time() - began)
    assert bool(found.messages) is (wanted.recipient != "nobody@kairan.test")
    assert all(len(one.events) == 4 for one in found.messages)
    assert min(took) <= SECONDS_MAX
