"""The bounds of reading a log, each with its reason."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogSettings:
    # Read at once.  Larger blocks are no faster (measured at 1, 4 and 16 MiB), only hungrier.
    block_octets: int = 4 * MIB
    # How far back a refusal looks for what is on earlier lines: its time, its sender.
    context_octets: int = 64 * 1024
    # What is read of one line around its refusal; a line without end costs no more than this.
    line_octets: int = 8 * 1024
    # How far one event reaches when its trace or stack goes over many lines.
    event_octets: int = 8 * 1024
    # Pairs of cause and account that are counted; beyond it the rarest half becomes "(others)".
    accounts_max: int = 20_000
    # Replies that no entry of the catalogue explains, each counted under its codes.
    unknown_causes_max: int = 200
    # Spans of time in which a cause is counted; more of them make each span longer.
    buckets_max: int = 1_024
    # Different lines shown of each cause.
    examples_max: int = 3
    examples_among: int = 1_000  # looked for among the first so many; comparing all costs a tenth
    example_characters: int = 400
