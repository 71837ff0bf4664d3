from structlog.testing import capture_logs

from kairan.intake.failure_bursts import (
    FAILURES,
    WINDOW_SECONDS,
    FailureBursts,
    is_worth_a_line,
)

NAME = "printer@kairan.test"


def test_a_burst_from_anywhere_is_one_warning_a_window():
    now = [0.0]
    bursts = FailureBursts(clock=lambda: now[0])
    with capture_logs() as said:
        for number in range(3 * FAILURES):
            bursts.failed(NAME, f"192.0.2.{number}")
        for number in range(FAILURES - 1):
            bursts.failed("other@kairan.test", f"192.0.2.{number}")
        now[0] += WINDOW_SECONDS
        for _ in range(FAILURES - 1):
            bursts.failed(NAME, "192.0.2.1")
    (warning,) = said
    assert warning["log_level"] == "warning"
    assert (warning["account"], warning["addresses"]) == (NAME, FAILURES)


def test_accounts_are_bounded():
    bursts = FailureBursts()
    for number in range(2_000):
        bursts.failed(f"{number}@kairan.test", "192.0.2.1")
    assert len(bursts._windows) == 1_024


def test_a_flood_is_told_in_few_lines():
    assert sum(map(is_worth_a_line, range(1, 1_000_000))) < FAILURES + 20
    assert all(map(is_worth_a_line, range(1, FAILURES + 1)))
