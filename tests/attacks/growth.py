"""Does a parser's cost grow faster than its input?  Judged by a ratio, not by seconds.

A parser is fed twice as much again and again.  Once a feeding costs enough to be measured, it is
compared with the one of a quarter of its size: four times the octets may cost four times the work,
and a little for the caches of the processor.  Work is this thread's processor time, so a loaded
machine changes little.  The first look is a single one, for there are twenty thousand shapes and a
quadratic cost shows on at least two steps.  What looks too steep is measured again, over sixteen
times the size and as the least of several tries, before it is called so: caches and pages of memory
make one step steep, a quadratic cost makes all of them.
"""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

OCTETS_MIN = 64
OCTETS_MAX = 64 * 1024
# A quadratic cost is 16 times as high at four times the size, a linear one 4 times.
RATIO_MAX = 7.0
MEASURABLE_SECONDS = 0.001
ENOUGH_SECONDS = 0.003  # after this the ladder has shown what it can
LEAST_SECONDS = 20e-6  # of the divisor: below it is the clock's own noise
TRIES = 2  # of what looked too steep

# What peers are fond of: separators, brackets that open and never close, quotes, escapes, line
# endings that are none, and things that look like what a parser searches for.
UNITS: tuple[bytes, ...] = (
    *(bytes([octet]) for octet in b" \t<>()\"'\\,;:@=-.+%&[]{}/_~*?#|!a0A5\r\n\0\x01\x7f\xff"),
    b"\r\n",
    b"\r\n ",
    b"\n ",
    b" \t",
    b"a ",
    b"a.",
    b"a,",
    b"a@",
    b"a=",
    b"a:",
    b"<a",
    b"(a",
    b"(\\",
    b"()",
    b'"a',
    b'\\"',
    b'"" ',
    b"<>",
    b"=a&",
    b"%41",
    b"+41",
    b"\\x{41}",
    b"A0+/",
    b"aA",
    b"a@b.test, ",
    b"A <a@b.test>, ",
    b"=?utf-8?q?a?= ",
    b"<a@b.test>",
    b"a: b\r\n",
    b"550 5.7.1 ",
    b"550-5.7.1 a\r\n",
    b"5.7.1 ",
    b"\r\n.\r\n",
    b"\r\n.",
    b"[{",
    b'{"a":',
    b'"a":1,',
    "\u3000".encode(),
    "\u00e9".encode(),
)


@dataclass(frozen=True)
class Parser:
    """`frames`: what stands before and behind the repeated units.  `ends`: further ends, with which
    patterns that want the end of the text must look for another way.
    """

    name: str
    read: Callable[[bytes], object]
    frames: tuple[tuple[bytes, bytes], ...] = ((b"", b""),)
    units: tuple[bytes, ...] = UNITS
    ends: tuple[bytes, ...] = (b"x", b"\x01")
    octets_min: int = OCTETS_MIN  # above a window that each step looks back on
    octets_max: int = OCTETS_MAX
    enough_seconds: float = ENOUGH_SECONDS
    is_cached: bool = False  # by nature: what is asked again and again is remembered

    def shapes(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        for before, behind in (*self.frames, *((b"", end) for end in self.ends)):
            for unit in self.units:
                yield before, unit, behind


def uncached(function: Callable[..., object]) -> Callable[..., object]:
    """The work itself: a cache would answer all tries but the first."""
    return getattr(function, "__wrapped__", function)


def too_steep(parser: Parser, before: bytes, unit: bytes, behind: bytes) -> str:
    """Where the cost grows too fast, in words; empty: nowhere."""

    def fed(octets: int) -> bytes:
        return before + unit * max(1, octets // len(unit)) + behind

    costs: dict[int, float] = {}
    judged = 0
    octets = parser.octets_min
    while octets <= parser.octets_max:
        costs[octets] = cost = _cost(parser.read, fed(octets), tries=1)
        quarter = octets // 4
        is_judged = cost >= MEASURABLE_SECONDS and quarter in costs
        judged += is_judged
        if is_judged and _ratio(cost, costs[quarter]) > RATIO_MAX:
            most = max(16 * parser.octets_min, min(octets * 4, parser.octets_max))
            steps = _costs(parser.read, {size: fed(size) for size in (most // 16, most // 4, most)})
            if all(_ratio(more, less) > RATIO_MAX for less, more in pairwise(steps.values())):
                told = ", ".join(
                    f"{size} octets {cost * 1e3:.2f} ms" for size, cost in steps.items()
                )
                return f"{before[:30]!r} {unit!r}… {behind[:30]!r}: {told}"
        if cost > parser.enough_seconds and judged > 1:
            break
        octets *= 2
    return ""


def _ratio(cost: float, less: float) -> float:
    return cost / max(less, LEAST_SECONDS)


def _costs(read: Callable[[bytes], object], fed: dict[int, bytes]) -> dict[int, float]:
    """By turns, so that what else the machine does meets all of them."""
    rounds = [{size: _cost(read, octets, TRIES) for size, octets in fed.items()} for _ in range(4)]
    return {size: min(one[size] for one in rounds) for size in fed}


def _cost(read: Callable[[bytes], object], octets: bytes, tries: int) -> float:
    """The collector is off: it looks at the whole process, whoever made the garbage."""
    least = float("inf")
    gc.disable()
    try:
        for _ in range(tries):
            begin = time.thread_time()
            read(octets)
            least = min(least, time.thread_time() - begin)
            if least > 0.2:  # one look is enough to see it
                break
    finally:
        gc.enable()
    return least
