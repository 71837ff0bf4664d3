"""What all parts of one worker's delivery share, grouped for their constructors."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kairan.delivery.settings import DeliverySettings
from kairan.directory.model import Snapshot
from kairan.directory.operations.moderation import Moderation
from kairan.expansion.membership import MembersSource
from kairan.runtime.limited_lines import LimitedLines
from kairan.trace.record import Trace


@dataclass(frozen=True, slots=True)
class TimeSource:
    """`clock` gives seconds since the epoch, as due times are; it may be set back, `monotonic` not."""

    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)  # jitter, no secret
    # By how much `clock` was set after it had said this (`runtime/clock_steps.py`).
    stepped_since: Callable[[float], float] = lambda _moment: 0.0


@dataclass(frozen=True, slots=True)
class DirectoryView:
    snapshot: Callable[[], Snapshot]
    members: MembersSource
    moderation: Moderation | None = None  # None: moderated groups' mail waits, and nobody is asked


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    settings: DeliverySettings
    hostname: str
    directory: DirectoryView
    trace: Trace
    pauses_file: Path | None = None
    lines: LimitedLines = field(default_factory=LimitedLines)  # of the log
    time: TimeSource = field(default_factory=TimeSource)
