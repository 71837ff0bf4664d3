import pytest

from kairan.auth.attempts import LoginAttempts, network_of
from kairan.auth.failure_news import FailureNews, LoginNews, WorkerNews
from kairan.auth.settings import AuthSettings

SETTINGS = AuthSettings(
    pair_failures_free=3, address_failures_free=6, network_failures_free=12, attempts_max=100
)
HERE, NEIGHBOUR, ELSEWHERE = "192.0.2.7", "192.0.2.8", "198.51.100.7"


@pytest.fixture
def attempts(clock):
    return LoginAttempts(SETTINGS, clock=clock)


def fail(attempts, source, name, times=1):
    for _ in range(times):
        attempts.failed(source, name)


def test_the_free_failures_cost_no_delay(attempts):
    fail(attempts, HERE, "printer", 2)
    assert attempts.may_try(HERE, "printer")
    fail(attempts, HERE, "printer")
    assert not attempts.may_try(HERE, "printer")


def test_the_delay_doubles_up_to_its_bound(attempts, clock):
    fail(attempts, HERE, "printer", 3)
    for delay in (1, 2, 4, 8, 16, 32, 60, 60):
        clock.now += delay - 0.1
        assert not attempts.may_try(HERE, "printer")
        clock.now += 0.2
        assert attempts.may_try(HERE, "printer")
        fail(attempts, HERE, "printer")


def test_no_number_of_failures_is_too_large(attempts):
    fail(attempts, HERE, "printer", 2_000)
    assert not attempts.may_try(HERE, "printer")


def test_failures_elsewhere_never_throttle_who_is_here(attempts):
    for host in range(1, 200):
        fail(attempts, f"198.51.100.{host}", "printer", 10)
    assert not attempts.may_try(ELSEWHERE, "printer")
    assert attempts.may_try(HERE, "printer")


def test_an_address_that_tries_many_names_is_closed_for_all_of_them(attempts):
    for number in range(6):
        fail(attempts, HERE, f"guess{number}")
    assert not attempts.may_try(HERE, "another")
    assert attempts.may_try(NEIGHBOUR, "another")


def test_a_network_that_tries_from_many_addresses_is_closed(attempts):
    for host in range(12):
        fail(attempts, f"192.0.2.{host + 20}", f"guess{host}")
    assert not attempts.may_try(NEIGHBOUR, "another")
    assert attempts.may_try(ELSEWHERE, "another")


def test_who_has_logged_in_is_not_closed_out_by_a_neighbour(attempts):
    attempts.succeeded(HERE, "printer")
    for number in range(50):
        fail(attempts, HERE, f"guess{number}")
    assert attempts.may_try(HERE, "Printer")
    fail(attempts, HERE, "printer", 3)
    assert not attempts.may_try(HERE, "printer")


def test_trust_ends(attempts, clock):
    attempts.succeeded(HERE, "printer")
    clock.now += SETTINGS.trusted_seconds + 1
    fail(attempts, HERE, "guess", 6)
    assert not attempts.may_try(HERE, "printer")


def test_a_success_forgives_the_pair_but_not_the_address(attempts):
    fail(attempts, HERE, "printer", 6)
    attempts.succeeded(HERE, "printer")
    assert attempts.may_try(HERE, "printer")
    assert not attempts.may_try(HERE, "another")


def test_failures_are_forgotten_after_a_while(attempts, clock):
    fail(attempts, HERE, "printer", 4)
    clock.now += SETTINGS.failures_kept_seconds + 1
    fail(attempts, HERE, "printer")
    assert attempts.may_try(HERE, "printer")


def test_memory_is_bounded_whatever_is_tried(attempts):
    for number in range(1_000):
        fail(attempts, f"2001:db8:{number:x}::1", f"guess{number}" * 1_000)
        attempts.succeeded(f"2001:db8:{number:x}::1", "printer")
    tables = [attempts._pairs, attempts._addresses, attempts._networks]
    assert [len(table._places) for table in tables] <= [100, 100, 100]
    assert len(attempts._trusted) == 100


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.7", "192.0.2.0"),
        ("::ffff:192.0.2.7", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("local socket", "local socket"),
    ],
)
def test_networks(source, network):
    assert network_of(source) == network


def test_one_machine_has_a_whole_slash_64(attempts):
    for host in range(6):
        fail(attempts, f"2001:db8::{host + 1:x}", f"guess{host}")
    assert not attempts.may_try("2001:db8::ffff", "another")
    assert attempts.may_try("2001:db8:0:1::1", "another")


def test_long_names_are_told_apart_and_cost_no_more_than_short_ones(attempts):
    fail(attempts, HERE, "x" * 10_000 + "a", 3)
    assert not attempts.may_try(HERE, "X" * 10_000 + "A")
    assert attempts.may_try(HERE, "x" * 10_000 + "b")
    assert all(len(name) <= 64 for _, name in attempts._pairs._places)


def test_what_fails_at_one_worker_counts_at_the_others(clock):
    news = FailureNews(2)
    one, other = (LoginAttempts(SETTINGS, clock=clock, news=WorkerNews(news, n)) for n in (0, 1))
    fail(one, HERE, "printer", 3)
    assert not other.may_try(HERE, "PRINTER")
    assert other.has_failed(HERE)
    other.succeeded(HERE, "printer")
    assert one.may_try(HERE, "printer")


def test_a_place_that_is_no_address_is_a_workers_own(clock):
    news = FailureNews(2)
    one, other = (LoginAttempts(SETTINGS, clock=clock, news=WorkerNews(news, n)) for n in (0, 1))
    fail(one, "local socket", "printer", 3)
    assert other.may_try("local socket", "printer")


def test_a_worker_that_follows_another_hears_from_then_on(clock):
    news = FailureNews(1)
    news.add(news.others, LoginNews(has_failed=True, address=bytes(16), name=bytes(16)))
    follower = WorkerNews(news, 0)
    assert follower.heard() == []
    news.add(news.others, LoginNews(has_failed=False, address=bytes(16), name=bytes(16)))
    assert [one.has_failed for one in follower.heard()] == [False]
