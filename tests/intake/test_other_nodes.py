"""What accounts do at other nodes: told, heard, and fading where nothing is heard."""

import pytest

from kairan.intake.counters import AccountCounters, RowUse
from kairan.intake.draining import DrainOrder, read_drain_order
from kairan.intake.other_nodes import FADING_SECONDS, FRESH_SECONDS, OtherNodes, pack, unpack
from kairan.runtime.operator_error import OperatorError
from kairan.testing.clock import FakeClock


class Link:
    """The others' rows, as a test has them."""

    def __init__(self, *told):
        self.told, self.sent, self.order, self.is_away = list(told), b"", None, False

    async def exchange(self, use, *, is_draining, follow):
        if self.is_away:
            raise OperatorError("away")
        self.sent, self.was_draining = use, is_draining
        if self.order is not None:
            await follow(self.order)
        return self.told


@pytest.fixture
def clock():
    return FakeClock(6_000.0)


@pytest.fixture
def counters(clock):
    return AccountCounters(2, clock=clock)


@pytest.fixture
def column(counters):
    return counters.column(0)


def others(link, counters, clock, tmp_path):
    return OtherNodes(link, counters, tmp_path / "draining.json", clock=clock)


def use(*, connections=0, messages=0, recipients=0, minute=100):
    return RowUse(connections, minute, messages, recipients)


async def test_what_other_nodes_told_counts_with_ours(counters, column, clock, tmp_path):
    column.connected(7)
    column.accepted(7, recipients=3)
    told = {7: use(connections=2, messages=5, recipients=50)}
    nodes = others(
        Link((pack(told.items()), 0.2), (pack(told.items()), 0.4)), counters, clock, tmp_path
    )
    await nodes.exchange()
    assert column.connections(7) == 1 + 2 + 2
    assert column.messages(7) == 1 + 5 + 5
    assert column.recipients(7) == 3 + 50 + 50
    assert column.recipients_in_hour(7, 1) == 3, "each node learns its own hours"


async def test_we_tell_what_our_workers_do_and_nothing_of_the_others(
    counters, column, clock, tmp_path
):
    other = counters.column(1)
    column.connected(7)
    other.connected(7)
    other.accepted(9, recipients=4)
    link = Link((pack({7: use(connections=100)}.items()), 0.0))
    nodes = others(link, counters, clock, tmp_path)
    await nodes.exchange()
    await nodes.exchange()
    assert unpack(link.sent) == {7: use(connections=2), 9: use(messages=1, recipients=4)}


async def test_messages_of_another_minute_do_not_count(counters, column, clock, tmp_path):
    told = {7: use(messages=5, minute=99)}
    await others(Link((pack(told.items()), 0.0)), counters, clock, tmp_path).exchange()
    assert column.messages(7) == 0


async def test_what_a_node_does_no_more_is_forgotten(counters, column, clock, tmp_path):
    link = Link((pack({7: use(connections=2, messages=5)}.items()), 0.0))
    nodes = others(link, counters, clock, tmp_path)
    await nodes.exchange()
    link.told = [(b"", 0.0)]
    await nodes.exchange()
    assert (column.connections(7), column.messages(7)) == (0, 0)


@pytest.mark.parametrize(
    ("silent", "connections"),
    [(0, 60), (FRESH_SECONDS, 60), (FRESH_SECONDS + FADING_SECONDS / 2, 30), (3_600, 0)],
)
async def test_connections_fade_while_the_database_is_away(
    counters, column, clock, tmp_path, silent, connections
):
    link = Link((pack({7: use(connections=60)}.items()), 0.0))
    nodes = others(link, counters, clock, tmp_path)
    await nodes.exchange()
    link.is_away = True
    clock.now += silent
    await nodes.exchange()
    assert column.connections(7) == connections


async def test_connections_of_a_node_that_tells_nothing_fade(counters, column, clock, tmp_path):
    silent = FRESH_SECONDS + FADING_SECONDS / 2
    link = Link((pack({7: use(connections=60)}.items()), silent))
    await others(link, counters, clock, tmp_path).exchange()
    assert column.connections(7) == 30


async def test_an_order_to_drain_becomes_one_of_this_machine(counters, clock, tmp_path):
    class Order:
        drains, by, given = True, "root", 5.0

    link = Link()
    link.order = Order
    nodes = others(link, counters, clock, tmp_path)
    await nodes.exchange()
    assert read_drain_order(tmp_path / "draining.json") == DrainOrder("root", 5.0)
    link.order = None
    await nodes.exchange()
    assert link.was_draining
    Order.drains, link.order = False, Order
    await nodes.exchange()
    assert read_drain_order(tmp_path / "draining.json") is None


def test_what_another_version_tells_is_nothing():
    assert unpack(b"odd") == {}
