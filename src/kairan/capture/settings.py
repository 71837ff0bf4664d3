"""The settings of test mail: whether it is kept to be looked at, and how much of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    # For tests and demonstrations, never for people's mail: what is delivered to `capture:` is shown in
    # the console, and fault rules refuse mail that is in order.  The service says so at each start.
    enabled: bool = False
    # Contents kept, in octets; the oldest go first.  A day of a team's tests, and no burden on a disk.
    octets_max: int = 256 * 1024 * 1024
    # Messages kept; the oldest go first.  A search looks through 8 KiB of each: so many take 20 ms.
    messages_max: int = 2_000


@dataclass(frozen=True, slots=True)
class CapturePlace:
    """Where captured mail and fault rules lie."""

    directory: Path
    settings: CaptureSettings
