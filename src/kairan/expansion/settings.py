"""The expansion's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpansionSettings:
    # Levels of groups within groups.  Organisation charts have ten; deeper is a mistake, and each
    # level costs a query.
    depth_max: int = 100
    # Recipients and groups one message may expand to.  100,000 is normal; at ten times that the
    # set against duplicates takes about 200 MB.
    total_max: int = 1_000_000
