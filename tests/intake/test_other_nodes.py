"""What accounts do at other nodes: told, heard, and fading where nothing is heard."""

import pytest

from kairan.auth.attempts import LoginAttempts
from kairan.auth.failure_news import FailureNews, LoginNews, WorkerNews
from kairan.auth.failure_news import pack as pack_news
from kairan.auth.settings import AuthSettings
from kairan.intake.counters import AccountCounters, RowUse
from kairan.intake.draining import DrainOrder, read_drain_order
from kairan.intake.other_nodes import FADING_SECONDS, FRESH_SECONDS, OtherNodes, pack, unpack
from kairan.runtime.operator_error import OperatorError
from kairan.testing.clock import FakeClock


class Link:
    """The others' rows, as a test has them."""

    def __init__(self, *told):
        self.told, self.sent, self.order, self.is_away = list(told), b"", None, False
        self.failures, self.sent_failures = [], []

    async def exchange(self, use, *, is_draining, follow):
        if self.is_away:
            raise OperatorError("away")
        self.sent, self.was_draining = use, is_draining
        if self.order is not None:
            await follow(self.order)
        return self.told

    async def exchange_failures(self, told):
        self.sent_failures.append(told)
        return self.failures


@pytest.fixture
def clock():
    return FakeClock(6_000.0)


@pytest.fixture
def counters(clock):
    return AccountCounters(2, clock=clock)


@pytest.fixture
def column(counters):
    return counters.column(0)


def others(link, counters, clock, tmp_path, failures=None):
    return OtherNodes(
        link, counters, failures or FailureNews(2), tmp_path / "draining.json", clock=clock
    )


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


def failed(number):
    return LoginNews(has_failed=True, address=bytes([number] * 16), name=bytes(16))


async def test_failed_logins_of_our_workers_are_told_once_and_numbered(counters, clock, tmp_path):
    failures, link = FailureNews(2), Link()
    nodes = others(link, counters, clock, tmp_path, failures)
    await nodes.exchange()
    failures.add(0, failed(1))
    failures.add(1, failed(2))
    await nodes.exchange()
    await nodes.exchange()
    for number in range(300):
        failures.add(0, failed(number % 256))
    await nodes.exchange()
    assert link.sent_failures[:3] == [None, (0, pack_news([failed(1), failed(2)])), None]
    first, packed = link.sent_failures[3]
    assert (first, len(packed)) == (2, 256 * 33), "302 in all, of which a column keeps 256"


async def test_failed_logins_of_another_node_are_heard_once_in_each_of_its_lives(
    counters, clock, tmp_path
):
    failures, link = FailureNews(2), Link()
    reader = WorkerNews(failures, 1)
    nodes = others(link, counters, clock, tmp_path, failures)
    heard = []
    for told in [
        [("b 1", 5, pack_news([failed(1), failed(2)]))],
        [("b 1", 5, pack_news([failed(1), failed(2)]))],
        [("b 1", 6, pack_news([failed(2), failed(3)]))],
        [("b 2", 0, pack_news([failed(4)]))],
        [("b 2", 0, b"of another version")],
    ]:
        link.failures = told
        await nodes.exchange()
        heard.append([one.address[0] for one in reader.heard()])
    assert heard == [[1, 2], [], [3], [4], []]
    await nodes.exchange()
    assert not any(link.sent_failures), "what was heard is not told on"


async def test_a_guesser_has_the_free_failures_of_one_node_at_all_of_them(
    counters, clock, tmp_path
):
    settings = AuthSettings()
    machines = [FailureNews(2), FailureNews(2)]
    links = [Link(), Link()]
    nodes = [
        others(link, counters, clock, tmp_path, one)
        for link, one in zip(links, machines, strict=True)
    ]
    attempts = [
        LoginAttempts(settings, clock=clock, news=WorkerNews(machine, worker))
        for machine in machines
        for worker in (0, 1)
    ]

    async def exchanged():
        for here, there in ((0, 1), (1, 0)):
            await nodes[here].exchange()
            if told := links[here].sent_failures[-1]:
                links[there].failures = [("life", *told)]
        for node in nodes:
            await node.exchange()

    for turn in range(settings.pair_failures_free):
        assert attempts[turn % 4].may_try("192.0.2.7", "printer")
        attempts[turn % 4].failed("192.0.2.7", "printer")
        await exchanged()
    assert not any(one.may_try("192.0.2.7", "printer") for one in attempts)
    assert all(one.may_try("192.0.2.8", "printer") for one in attempts)
    attempts[3].succeeded("192.0.2.7", "printer")
    await exchanged()
    assert all(one.may_try("192.0.2.7", "printer") for one in attempts)
