"""Refusals counted by cause, account and time, in memory that does not grow with the log."""

import re
from collections import Counter
from dataclasses import dataclass, field

from kairan.doctor.log.lines import LoggedRefusal
from kairan.doctor.log.redact import as_example
from kairan.doctor.log.settings import LogSettings
from kairan.outcomes.catalogue import CATALOGUE

_VARIABLE = re.compile(r"\S*[\d@]\S*")
OTHERS = "(others)"
UNNAMED = "(not named)"
UNKNOWN_CAUSE = "(other replies)"
# Lengths of a bucket: a plot's axis should be read in minutes, hours or days.
BUCKET_SECONDS = (60, 300, 900, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 28 * 86_400, 364 * 86_400)


@dataclass(slots=True)
class CauseCount:
    """One cause."""

    cause: str
    count: int = 0
    undated: int = 0
    first: float | None = None
    last: float | None = None
    examples: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    buckets: Counter[int] = field(default_factory=Counter)


class CauseCounts:
    """`reached`: the bounds that were hit, in words: the figures below them are then estimates."""

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._accounts: Counter[tuple[str, str]] = Counter()
        self._width = 0  # an index into BUCKET_SECONDS
        self.causes: dict[str, CauseCount] = {}
        self.reached: set[str] = set()

    @property
    def bucket_seconds(self) -> int:
        return BUCKET_SECONDS[self._width]

    @property
    def total(self) -> int:
        return sum(count.count for count in self.causes.values())

    def add(self, refusal: LoggedRefusal) -> None:
        count = self._count_of(refusal.cause)
        count.count += refusal.count
        self._accounts[count.cause, refusal.account or UNNAMED] += refusal.count
        if len(self._accounts) > self._settings.accounts_max:
            self._drop_rare_accounts()
        self._note_example(count, refusal.line)
        if refusal.time is None:
            count.undated += refusal.count
        else:
            self._note_time(count, refusal.time, refusal.count)

    def accounts(self, cause: str, top: int) -> list[tuple[str, int]]:
        """Those with most refusals, most first."""
        own = Counter({who: n for (key, who), n in self._accounts.items() if key == cause})
        return own.most_common(top)

    def _count_of(self, cause: str) -> CauseCount:
        if cause not in self.causes and cause not in CATALOGUE:
            unknown = sum(1 for key in self.causes if key not in CATALOGUE)
            if unknown >= self._settings.unknown_causes_max:
                self.reached.add("unknown_causes_max")
                cause = UNKNOWN_CAUSE
        return self.causes.setdefault(cause, CauseCount(cause))

    def _drop_rare_accounts(self) -> None:
        """The rarer half becomes "others" of its cause: totals stay exact, rare names are lost."""
        self.reached.add("accounts_max")
        kept = Counter(dict(self._accounts.most_common(self._settings.accounts_max // 2)))
        for (cause, who), count in self._accounts.items():
            if (cause, who) not in kept:
                kept[cause, OTHERS] += count
        self._accounts = kept

    def _note_example(self, count: CauseCount, line: str) -> None:
        """Different ones: a kind is the line without its figures and addresses."""
        is_late = count.count > self._settings.examples_among
        if is_late or len(count.examples) >= self._settings.examples_max:
            return
        kind = _VARIABLE.sub("", line)
        if kind not in count.kinds:
            count.kinds.add(kind)
            count.examples.append(as_example(line, self._settings.example_characters))

    def _note_time(self, count: CauseCount, time: float, number: int) -> None:
        count.first = time if count.first is None else min(count.first, time)
        count.last = time if count.last is None else max(count.last, time)
        count.buckets[int(time // self.bucket_seconds)] += number
        while len(count.buckets) > self._settings.buckets_max and self._widen():
            pass

    def _widen(self) -> bool:
        if self._width + 1 >= len(BUCKET_SECONDS):
            return False
        factor = BUCKET_SECONDS[self._width + 1] // BUCKET_SECONDS[self._width]
        self._width += 1
        for count in self.causes.values():
            wider: Counter[int] = Counter()
            for bucket, number in count.buckets.items():
                wider[bucket // factor] += number
            count.buckets = wider
        return True
