"""What accounts do at this moment, over all workers."""

import pytest

from kairan.intake.counters import ACCOUNTS_MAX, AccountCounters
from kairan.testing.clock import FakeClock


def test_connections_are_summed_over_workers():
    counters = AccountCounters(3)
    columns = [counters.column(worker) for worker in range(3)]
    for column in columns:
        column.connected(7)
    columns[0].connected(7)
    columns[1].connected(8)
    assert [column.connections(7) for column in columns] == [4, 4, 4]
    columns[0].disconnected(7)
    assert columns[2].connections(7) == 3
    assert columns[2].connections(8) == 1


def test_messages_are_those_of_this_minute():
    clock = FakeClock(600.0)
    counters = AccountCounters(2, clock=clock)
    one, other = counters.column(0), counters.column(1)
    for _ in range(3):
        one.accepted(7)
    clock.now = 659.9
    other.accepted(7)
    assert one.messages(7) == 4
    clock.now = 660.0
    assert one.messages(7) == 0
    other.accepted(7)
    assert one.messages(7) == 1


def test_what_a_dead_worker_left_is_cleared_by_its_successor():
    counters = AccountCounters(2)
    counters.column(0).connected(7)
    other = counters.column(1)
    other.connected(7)
    assert other.connections(7) == 2
    counters.column(0)
    assert other.connections(7) == 1


def test_accounts_beyond_the_table_share_a_row():
    column = AccountCounters(1).column(0)
    column.connected(5)
    assert column.connections(5 + ACCOUNTS_MAX) == 1


def test_recipients_of_a_minute_are_summed_over_all_workers():
    now = [60.0]
    counters = AccountCounters(2, clock=lambda: now[0])
    first, second = counters.column(0), counters.column(1)
    first.accepted(7, 50)
    second.accepted(7, 3)
    second.accepted(8, 1)
    assert (first.messages(7), first.recipients(7)) == (2, 53)
    now[0] = 120.0
    assert (first.messages(7), first.recipients(7)) == (0, 0)
    first.accepted(7)
    assert second.recipients(7) == 1


def test_recipients_of_this_hour_and_the_one_before_are_summed_over_workers():
    clock = FakeClock(7_200.0)
    counters = AccountCounters(2, clock=clock)
    one, other = counters.column(0), counters.column(1)
    one.accepted(7, 50)
    clock.now = 10_799.9
    other.accepted(7, 5)
    assert one.recipients_in_hour(7, 2) == 55
    clock.now = 10_800.0
    other.accepted(7, 1)
    assert (one.recipients_in_hour(7, 2), one.recipients_in_hour(7, 3)) == (55, 1)
    clock.now = 14_400.0
    other.accepted(7, 2)
    assert one.recipients_in_hour(7, 4) == 2
    assert one.recipients_in_hour(8, 4) == 0


def test_the_hour_outlives_a_worker():
    counters = AccountCounters(1, clock=FakeClock(7_200.0))
    counters.column(0).accepted(7, 50)
    assert counters.column(0).recipients_in_hour(7, 2) == 50


@pytest.mark.parametrize("step", [86_400.0, 400 * 86_400.0, -86_400.0, -90.0])
def test_a_step_of_the_clock_begins_the_minute_anew_and_counts_go_on(step):
    clock = FakeClock(1_767_603_600.0)
    column = AccountCounters(1, clock=clock).column(0)
    column.accepted(7, 30)
    clock.now += step
    assert column.messages(7) == 0
    column.accepted(7, 2)
    assert (column.messages(7), column.recipients(7)) == (1, 2)
    clock.now -= step
    assert column.messages(7) == 0
