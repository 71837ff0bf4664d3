"""Draining: an operator's order to accept nothing new while what is stored is delivered.

    <data>/draining.json   0600: {"by": "root (uid 0)", "since": 1790000000.0}

There is a drain while the file is there, so it outlives restarts and can be ordered while the
service is stopped.  Workers look for the file; a session hears of it at its next MAIL.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_OCTETS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class DrainOrder:
    by: str = ""
    since: float = 0.0


def read_drain_order(path: Path) -> DrainOrder | None:
    """A file that does not read is an order too: somebody made it."""
    try:
        with path.open("rb") as file:
            text = file.read(_OCTETS_MAX)
    except FileNotFoundError:
        return None
    except OSError:
        return DrainOrder()
    with suppress(ValueError, TypeError, AttributeError):
        found = json.loads(text)
        return DrainOrder(str(found.get("by", "")), float(found.get("since", 0.0)))
    return DrainOrder()


def begin_drain(path: Path, drain: DrainOrder) -> bool:
    """False: one has begun already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(drain), file)
    return True


def end_drain(path: Path) -> bool:
    """False: there was none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
