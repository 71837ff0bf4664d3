"""Every shape of time that a log was seen with, and what has the shape and is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kairan.doctor.log.times import LogTimes

REFERENCE = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
HERE = datetime(2026, 11, 23, 8, 0, 1).timestamp()
IN_UTC = datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC).timestamp()
IN_JAPAN = datetime(2026, 11, 23, 8, 0, 1, tzinfo=timezone(timedelta(hours=9))).timestamp()


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("2026-11-23T08:00:01.123456789Z level=info", IN_UTC),
        ('time="2026-11-23T08:00:01+09:00" level=error', IN_JAPAN),
        ("2026-11-23 08:00:01,123 ERROR [main] log4j", HERE),
        ("2026/11/23 8:00:01 .NET in Japan", HERE),
        ("1041,2026/11/23,08:00:01,akiko", HERE),
        ("[23/Nov/2026:08:00:01 +0900] CLF", IN_JAPAN),
        ("Mon, 23 Nov 2026 08:00:01 +0900 RFC 5322", IN_JAPAN),
        ("Nov 23, 2026 8:00:01 AM com.example.Mail java.util.logging", HERE),
        ("11/23/2026 8:00:01 AM .NET in America", HERE),
        ("23/11/2026 08:00:01 .NET in Britain", HERE),
        ("23.11.2026 08:00:01 .NET in Germany", HERE),
        ("Mon Nov 23 08:00:01 2026 ctime", HERE),
        ("2026年11月23日 8:00:01 複合機", HERE),
        ("Nov 23 08:00:01 mx1 syslog", HERE),
        ("<22>1 2026-11-23T08:00:01.003Z mx RFC 5424", IN_UTC),
        (f"{IN_UTC:.3f} epoch", IN_UTC),
        (f"{IN_UTC * 1000:.0f} epoch in milliseconds", IN_UTC),
        (f'{{"ts":{IN_UTC:.0f},"msg":"JSON"}}', IN_UTC),
    ],
)
def test_a_time_is_read(line, moment):
    assert LogTimes(REFERENCE).find(line) == moment


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no time at all",
        "Nov 31 08:00:01 a day that is not",
        "2026-13-45 99:99:99 no clock",
        "id 1234567890123 a number",
        "10.1.2.3:25 an address",
    ],
)
def test_what_is_no_time_is_none(line):
    assert LogTimes(REFERENCE).find(line) is None


def test_a_day_that_would_lie_ahead_is_last_years():
    found = LogTimes(REFERENCE).find("Dec 31 08:00:01 mx1 syslog")
    assert found == datetime(2025, 12, 31, 8, 0, 1).timestamp()


def test_a_leap_day_is_in_the_last_leap_year():
    found = LogTimes(REFERENCE).find("Feb 29 08:00:01 mx1 syslog")
    assert found == datetime(2024, 2, 29, 8, 0, 1).timestamp()


def test_a_log_with_several_shapes_is_read_whichever_came_last():
    times = LogTimes(REFERENCE)
    for _ in range(2):
        assert times.find("Nov 23 08:00:01 mx1") == HERE
        assert times.find("2026-11-23T08:00:01Z app") == IN_UTC
