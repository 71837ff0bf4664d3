"""When a list may be written to: `08:00-18:00 mon-fri Asia/Tokyo`.

    HH:MM[-HH:MM] [DAYS] ZONE

The end may be left out: to midnight, so that `08:00 Asia/Tokyo` is "not before eight".  An end before
the begin is on the next day.  DAYS are `mon`, `mon-fri`, `mon,wed,fri`; without them every day.  ZONE
is a name of the IANA data base, or UTC: an hour of the office stays that hour when the clocks change.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kairan.directory.errors import DirectoryError
from kairan.outcomes.outcome import Text

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY = timedelta(days=1)
# Beyond a week every window has opened.
_DAYS_AHEAD = 9
_TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class SendWindow:
    opens: time
    closes: time  # the same as `opens`: a whole day
    days: frozenset[int]  # of its opening; 0 is Monday
    zone: ZoneInfo

    def opens_after(self, now: float) -> float | None:
        """When a message may go, in seconds since the epoch; None: it may go now."""
        local = datetime.fromtimestamp(now, self.zone)
        for days in range(-1, _DAYS_AHEAD):
            day = (local + days * _DAY).date()
            if day.weekday() not in self.days:
                continue
            # By the clock on the wall: such a time may come twice, or not at all, in a year.
            begin = datetime.combine(day, self.opens, self.zone).timestamp()
            last = day if self.closes > self.opens else day + _DAY
            end = datetime.combine(last, self.closes, self.zone).timestamp()
            if begin <= now < end:
                return None
            if begin > now:
                return begin
        raise AssertionError("a window has a day, and a week has every day")


def read_send_window(text: str) -> SendWindow:
    """Raises DirectoryError, which says what is wrong with it."""
    words = text[:_TEXT_MAX].split()
    if not 2 <= len(words) <= 3:
        raise DirectoryError(
            Text(
                f"{text!r} is no send window; write it like '08:00-18:00 mon-fri Asia/Tokyo'",
                f"{text!r} は配信時間帯ではありません。「08:00-18:00 mon-fri Asia/Tokyo」のように指定してください",
            )
        )
    begin, dash, end = words[0].partition("-")
    opens = _clock(begin)
    closes = _clock(end) if dash and end not in {"24:00", "00:00"} else time(0)
    days = _days(words[1]) if len(words) == 3 else frozenset(range(7))
    return SendWindow(opens, closes, days, _zone(words[-1]))


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None or not text.isascii():
        raise DirectoryError(f"{text!r} is no time of a send window; write 08:00")
    return time(int(found[1]), int(found[2]))


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise DirectoryError(
                f"{part!r} are no days of a send window; write mon, mon-fri or mon,wed,fri"
            )
        at, end = _DAYS.index(first), _DAYS.index(last or first)
        days.add(at)
        while at != end:
            at = (at + 1) % len(_DAYS)
            days.add(at)
    return frozenset(days)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DirectoryError(
            f"{name!r} is no time zone; write one like Asia/Tokyo or UTC"
        ) from error
