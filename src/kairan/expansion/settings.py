"""The expansion's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpansionSettings:
    # Levels of groups within groups.  Organisation charts have ten; deeper is a mistake, and each
    # level costs a query.
    depth_max: int = 100
    # Recipients and groups one message may expand to.  100,000 is normal; ten times that takes ten
    # times as long, a temporary file of 50 MB, and no more memory.
    total_max: int = 1_000_000
