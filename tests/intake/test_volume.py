"""An account that suddenly sends far more than it ever did."""

import asyncio
import json

import pytest

from kairan.admission.settings import AdmissionSettings
from kairan.directory.store import Directory
from kairan.intake.counters import AccountCounters
from kairan.intake.volume import HoldJournal, Volume
from kairan.runtime.clock_steps import ClockSteps
from kairan.testing.clock import FakeClock
from kit.live import PAYROLL, PRINTER, USER, running_service, wait_for

HOUR, DAY = 3_600, 86_400
NOON = 20_000 * DAY + 12 * HOUR
ERP = "erp@kairan.test"


class Told:
    """An audit and a trace."""

    def __init__(self):
        self.events = []

    def record(self, what, **facts):
        self.events.append(what)


@pytest.fixture
def clock():
    return FakeClock(float(NOON))


@pytest.fixture
def directory(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as opened:
        opened.add_accepted_domain("kairan.test")
        opened.add_account(ERP)
        yield opened


@pytest.fixture
def worker(directory, clock):
    """Makes one, with what it told and its column."""
    counters = AccountCounters(2, clock=clock)
    settings = AdmissionSettings(volume_jump_factor=3, volume_jump_floor_recipients=10)

    def make(number):
        told, column = Told(), counters.column(number)
        volume = Volume(
            directory,
            column,
            settings,
            writes=number == 0,
            journal=HoldJournal(told, told),
            clock=clock,
        )
        return volume, told, column

    return make


async def held(volume, told):
    async with asyncio.timeout(30):
        while "HOLD" not in told.events:
            await asyncio.sleep(0.01)


async def test_a_jump_is_an_event_once_and_all_that_follows_is_refused(worker, directory):
    volume, told, column = worker(0)
    await volume.refresh()
    account = directory.account(ERP)
    column.accepted(account.id, 9)
    assert volume.judge(account, 1) is None
    assert volume.judge(account, 2) is not None
    assert volume.judge(account, 1) is not None, "held, though the snapshot does not show it yet"
    await held(volume, told)
    account = directory.account(ERP)
    assert account.held_since == NOON
    assert volume.judge(account, 1) is not None
    assert told.events == ["account.held", "HOLD"]


async def test_of_two_workers_that_see_it_one_tells(worker, directory):
    workers = [worker(0), worker(1)]
    account = directory.account(ERP)
    for volume, _, _ in workers:
        assert volume.judge(account, 11) is not None
        await asyncio.gather(*volume._tasks)
    assert [told.events for _, told, _ in workers] == [["account.held", "HOLD"], []]


async def test_yesterdays_busiest_hour_is_what_is_usual(worker, directory, clock):
    clock.now -= DAY
    volume, _, column = worker(0)
    other, _, _ = worker(1)
    account = directory.account(ERP)
    await volume.refresh()
    column.accepted(account.id, 100)
    clock.now += HOUR
    await volume.refresh()
    clock.now += DAY - HOUR
    for one in (volume, other):
        await one.refresh()
        assert one.judge(account, 300) is None
        assert one.judge(account, 301) is not None
        await asyncio.gather(*one._tasks)


async def test_the_hour_in_which_it_was_held_is_no_history(worker, directory, clock):
    volume, told, column = worker(0)
    await volume.refresh()
    account = directory.account(ERP)
    column.accepted(account.id, 10)
    assert volume.judge(account, 1) is not None
    await held(volume, told)
    clock.now += HOUR
    await volume.refresh()
    await volume.stop()
    assert directory.volumes.usual(NOON // DAY + 1) == {}


async def test_the_hour_of_a_stop_is_learned(worker, directory, clock):
    volume, _, column = worker(0)
    await volume.refresh()
    column.accepted(directory.account(ERP).id, 10)
    await volume.stop()
    assert directory.volumes.usual(NOON // DAY + 1) == {ERP: 10}


async def test_who_is_released_sends_on_at_once(worker, directory):
    volume, told, _ = worker(0)
    account = directory.account(ERP)
    assert volume.judge(account, 11) is not None
    await held(volume, told)
    directory.volumes.release(ERP, NOON)
    assert volume.judge(directory.account(ERP), 1_000) is None


SETTINGS = """
[admission]
volume_jump_factor = 2
volume_jump_floor_recipients = 3
"""


def test_a_jump_holds_the_account_on_all_workers_until_it_is_released(tmp_path):
    with running_service(tmp_path / "k", settings=SETTINGS) as service:

        def sent(account=PRINTER):
            with service.client().login(account) as client:
                return client.send(b"Subject: x\r\n", sender=account)

        assert [sent()[:3] for _ in range(3)] == ["250"] * 3
        assert sent().startswith("432 4.3.2 Account is held")
        wait_for(
            lambda: json.loads(service.kairan("account", "show", PRINTER, "--json"))["held_since"],
            "the hold in the directory",
        )
        assert f"kairan account release {PRINTER} ends it" in service.kairan(
            "account", "show", PRINTER
        )
        service.wait_directory()
        assert [sent()[:3] for _ in range(6)] == ["432"] * 6, "whichever worker it comes to"
        assert sent(PAYROLL).startswith("250"), "others are not touched"
        service.wait_event("HOLD")
        service.kairan("account", "release", PRINTER)
        service.wait_directory()
        assert [sent()[:3] for _ in range(6)] == ["250"] * 6
        service.wait_log("event=intake.account-held")
        assert sum("event=intake.account-held" in line for line in service.log) == 1
        audit = "".join(
            path.read_text() for path in (service.place / "data" / "audit").glob("*.jsonl")
        )
        assert audit.count('"account.held"') == 1
        assert '"account.release"' in audit
        service.wait_message(b"Subject: x", USER)


async def test_a_clock_that_is_set_forgets_no_history(directory, clock):
    """A day that is years ahead would drop all days before it, and hold whoever sends much."""
    even = FakeClock(50.0)
    told = Told()
    directory.volumes.learn(int(NOON) // 86_400 - 1, {ERP: 900})
    volume = Volume(
        directory,
        AccountCounters(1, clock=clock).column(0),
        AdmissionSettings(volume_jump_factor=3, volume_jump_floor_recipients=10),
        writes=True,
        journal=HoldJournal(told, told),
        clock=clock,
        steps=ClockSteps(clock, even),
    )
    await volume.refresh()
    clock.advance(400 * 86_400)
    await volume.refresh()
    assert volume.judge(directory.account(ERP), 800) is None
    clock.advance(-400 * 86_400)
    await volume.stop()
    assert directory.volumes.usual(int(NOON) // 86_400) == {ERP: 900}
