"""Sums over all workers that never fall, though workers start anew.

A worker's counter begins at nothing with it.  Were the workers' numbers only added, the end of one
would look to Prometheus as if the whole sum had begun anew, and everything would be counted a second
time.  So what is added is what each worker counted since it was last heard of; what it counted
between that and its end is lost, and one that is silent for a while adds it later.
"""

from collections.abc import Mapping

Key = tuple[str, str]  # the metric, and the value of its label or nothing

# A label's value comes from outside (an address has at most 320 octets), and each scrape carries it.
LABEL_LENGTH_MAX = 100
OTHER = "other"


class Totals:
    """Bounded by what workers report: the catalogue's keys and 1,024 accounts each."""

    def __init__(self) -> None:
        self._sums: dict[Key, float] = {}
        self._heard: dict[int, tuple[float, dict[Key, float]]] = {}  # by worker: start, counters

    def hear(self, worker: int, started: float, counters: Mapping[Key, float]) -> None:
        """Answers may overtake one another: an older one adds nothing."""
        known_start, known = self._heard.get(worker, (started, {}))
        if started < known_start:
            return
        if started > known_start:
            known = {}
        latest = dict(known)
        for key, value in counters.items():
            more = value - known.get(key, 0)
            if more >= 0:
                self._sums[key] = self._sums.get(key, 0) + more
                latest[key] = value
        self._heard[worker] = started, latest

    def of(self, name: str) -> dict[str, float]:
        return {label: value for (of, label), value in self._sums.items() if of == name}


# A busier one takes the place of the least busy when it has counted this much more: two that are alike
# must not change places at each scrape.
BUSIER = 2.0


class FewNamed:
    """Of many labels the busiest have a series of their own, and `other` sums the rest.

    None falls.  Who is named later begins at nothing: what it had counted by then is in `other` and
    stays there.  Who loses its place ends: what it has counted is gone with its series, as Prometheus
    has it already, and what follows is in `other`.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._totals: dict[str, float] = {}  # as long as what it is shown
        self._named: dict[str, float] = {}
        self._other = 0.0

    def show(self, totals: Mapping[str, float]) -> dict[str, float]:
        before, self._totals = self._totals, dict(totals)
        for label in sorted(totals, key=lambda one: (-totals[one], one)):
            if totals[label] > 0 and label not in self._named and label not in {"", OTHER}:
                self._name(label)
        for label, total in totals.items():
            more = total - before.get(label, 0)
            if label in self._named:
                self._named[label] += more
            else:
                self._other += more
        return self._named | {OTHER: self._other}

    def _name(self, label: str) -> None:
        if len(self._named) >= self._most:
            least = min(self._named, key=lambda one: (self._totals.get(one, 0), one))
            if self._totals[label] <= BUSIER * self._totals.get(least, 0):
                return
            del self._named[least]
        self._named[label] = 0


def short(label: str) -> str:
    """Cut in the middle: both ends of an address or a path tell which it is.  What cannot be written
    down as UTF-8 would end the whole scrape.
    """
    label = label.encode("utf-8", "replace").decode()
    if len(label) <= LABEL_LENGTH_MAX:
        return label
    half = (LABEL_LENGTH_MAX - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def shortened(totals: Mapping[str, float]) -> dict[str, float]:
    """Two that look alike when they are cut are one: a scrape with a series twice is refused whole."""
    sums: dict[str, float] = {}
    for label, value in totals.items():
        sums[short(label)] = sums.get(short(label), 0) + value
    return sums
