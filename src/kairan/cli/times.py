"""Times as an operator writes them, 2026-11-23T08:00 or 2h ago, and as he reads them."""

import re
from datetime import UTC, datetime, timedelta

from kairan.cli.errors import BadInputError

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_time(text: str, now: datetime) -> float:
    """Seconds since the epoch.  A time without a zone is this machine's."""
    if span := _SPAN.fullmatch(text):
        return (now - timedelta(**{_UNITS[span[2]]: int(span[1])})).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise BadInputError(
            f'"{text}" is not a time; write 2026-11-23, 2026-11-23T08:00 or 2h'
        ) from None


def moment(seconds: int) -> str:
    """Seconds since the epoch; empty where there is none."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
    return text.replace("+00:00", "Z")
