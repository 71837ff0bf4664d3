"""When a line was written, in the shapes that logs have.

A time without a zone is this machine's; a time without a year (syslog) is the latest that does not
lie after the file's own date.  Day and month in figures are read as 11/23 unless the first is
above twelve.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from kairan.runtime.kept import kept

# A stamp stands at the head of its line, behind at most a level, a thread or a CSV's job number.
STAMP_CHARACTERS_MAX = 120
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTH = "(?P<month>" + "|".join(_MONTHS) + ")[a-z]*"
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[.,]\d+)?(?: ?(?P<half>[AaPp])\.?[Mm])?"
_ZONE = r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_NUMBERS = r"(?P<first>\d\d?)(?P<separator>[/.])(?P<other>\d\d?)(?P=separator)"

# Likeliest first; the one that matched last is tried before them.
_SHAPES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(shape)
    for shape in (
        rf"(?<!\d){_YEAR}[-/.](?P<number>\d\d?)[-/.](?P<day>\d\d?)[\"']?[T ,;\t][\"']?{_CLOCK}{_ZONE}",
        rf"\b{_MONTH} +(?P<day>\d\d?) (?>{_CLOCK})(?! \d{{4}})",
        rf"\b{_MONTH} +(?P<day>\d\d?),? {_YEAR},? (?:at )?{_CLOCK}{_ZONE}",
        rf"\b{_MONTH} +(?P<day>\d\d?) {_CLOCK} {_YEAR}",
        rf"(?<!\d)(?P<day>\d\d?)[-/ ]{_MONTH}[-/ ]{_YEAR}[: T]{_CLOCK}{_ZONE}",
        rf"(?<![\d.]){_NUMBERS}{_YEAR}[\"']?[ ,;T\t]+[\"']?{_CLOCK}{_ZONE}",
        rf"{_YEAR}年 ?(?P<number>\d\d?)月 ?(?P<day>\d\d?)日[\"']?[ ,;]*[\"']?{_CLOCK}",
        r"(?:^|(?:time|ts|timestamp|at)[\"']?[=:] ?[\"']?)\[?(?P<epoch>1\d{9})(?:\d{3})?(?:\.\d+)?(?!\d)",
    )
)


class LogTimes:
    """`reference`: when the log was last written, seconds since the epoch."""

    def __init__(self, reference: float) -> None:
        self._reference = datetime.fromtimestamp(reference, UTC).astimezone()
        self._shapes = list(_SHAPES)
        # A busy second has many lines.
        self._kept = kept(octets=4 * 1024 * 1024, key_octets=STAMP_CHARACTERS_MAX)(self._judge)

    def find(self, line: str) -> float | None:
        """Seconds since the epoch."""
        head = line[:STAMP_CHARACTERS_MAX]
        for place, shape in enumerate(self._shapes):
            if found := shape.search(head):
                if place:
                    self._shapes.insert(0, self._shapes.pop(place))
                return self._kept(found[0], found.re)
        return None

    def _judge(self, stamp: str, shape: re.Pattern[str]) -> float | None:
        found = shape.search(stamp)
        assert found is not None
        parts = found.groupdict()
        if epoch := parts.get("epoch"):
            return float(epoch)
        try:
            return self._moment(parts)
        except (ValueError, OverflowError):
            return None  # the 31st of a short month, 25 o'clock: some other number

    def _moment(self, parts: dict[str, str | None]) -> float:
        month, day = _month_and_day(parts)
        hour = _hour(int(parts["hour"] or 0), parts.get("half"))
        clock = (hour, int(parts["minute"] or 0), min(59, int(parts["second"] or 0)))
        zone = _zone(parts.get("zone"))
        if parts.get("year"):
            return datetime(int(parts["year"] or 0), month, day, *clock, tzinfo=zone).timestamp()
        return self._latest(lambda year: datetime(year, month, day, *clock, tzinfo=zone))

    def _latest(self, in_year: Callable[[int], datetime]) -> float:
        """29 February is in one of the last eight years."""
        end = (self._reference + timedelta(days=1)).timestamp()
        for year in range(self._reference.year + 1, self._reference.year - 8, -1):
            try:
                moment = in_year(year).timestamp()
            except ValueError:
                continue
            if moment <= end:
                return moment
        raise ValueError("no such day")


def _month_and_day(parts: dict[str, str | None]) -> tuple[int, int]:
    if name := parts.get("month"):
        return _MONTHS.index(name) + 1, int(parts["day"] or 0)
    if parts.get("first") is None:
        return int(parts["number"] or 0), int(parts["day"] or 0)
    first, other = int(parts["first"] or 0), int(parts["other"] or 0)
    day_first = first > 12 or (parts["separator"] == "." and other <= 12)
    return (other, first) if day_first else (first, other)


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    return hour % 12 + (12 if half in "pP" else 0)


def _zone(text: str | None) -> timezone | None:
    """None: this machine's."""
    if not text:
        return None
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
