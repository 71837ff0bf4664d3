"""The queue over all shards: which jobs are meant, and how one is shown.

An id is SHARD-MESSAGE or SHARD-MESSAGE.JOB, as `kairan queue list` prints it: 0-81 or 0-81.2.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict

from kairan.queue.errors import NotInQueueError, QueueRequestError
from kairan.spool.interface import Job, JobId, JobSummary, Quarantined, SpoolItem
from kairan.spool.operator_view import (
    ANYTHING,
    Condition,
    JobFilter,
    OperatorView,
    Shown,
    parse_id,
    summary_of,
)
from kairan.spool.place import SpoolPlace, Unseen

# While one waits, for the disk or because it leaves its owner a turn, others are changed.
_SHARDS_AT_ONCE = 4


class FoundJob(NamedTuple):
    """A job, or something in quarantine, and the shard it lies in."""

    shard: int
    item: SpoolItem | Quarantined


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids, or conditions; `everything` says that no condition at all is meant."""

    ids: tuple[str, ...] = ()
    conditions: JobFilter = ANYTHING
    everything: bool = False

    def is_open(self) -> bool:
        """More than the ids somebody wrote down."""
        return not self.ids

    @property
    def is_everything(self) -> bool:
        return self.everything and not self.ids and self.conditions == ANYTHING


RoutesOf: TypeAlias = Callable[[Job | JobSummary], tuple[str, ...]]
Change: TypeAlias = Callable[[OperatorView, Iterable[JobId] | Condition], int]


class ShownJob(Struct, frozen=True, gc=False):
    """As JSON has it, in its order."""

    id: str
    message_id: str
    sender: str
    recipients: Sequence[str]
    route: str
    held: bool
    attempts: int
    arrived: str
    due: str
    size: int
    detail: str
    quarantined: bool = False


class ShownQuarantined(Struct, frozen=True, kw_only=True):
    quarantined: bool = True
    shard: int
    what: str
    path: str
    reason: str


def found(
    spool: SpoolPlace, selection: Selection, unseen: Unseen | None = None
) -> Iterator[FoundJob]:
    """`unseen`: as `SpoolPlace.views` has it."""
    for shard, conditions, view in spool.views(_wanted(spool, selection), unseen):
        yield from (FoundJob(shard, item) for item in view.list(conditions))


def change(
    spool: SpoolPlace,
    selection: Selection,
    action: Change,
    told: Callable[[FoundJob], None] | None = None,
) -> int:
    """Does `action` to all that is meant; how many jobs it changed.  `told` hears of each before."""
    if selection.is_open() and not selection.everything and selection.conditions == ANYTHING:
        raise QueueRequestError("say which: ids, conditions such as --to ADDRESS, or --all")

    def changed(one: tuple[int, JobFilter]) -> int:
        return _change(spool, *one, action, told)

    wanted = _wanted(spool, selection)
    if told is not None:
        return sum(map(changed, wanted))
    with ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        return sum(pool.map(changed, wanted))


def _change(
    spool: SpoolPlace,
    shard: int,
    conditions: JobFilter,
    action: Change,
    told: Callable[[FoundJob], None] | None,
) -> int:
    with spool.view(shard) as view:
        if told is not None:
            for item in view.list(conditions):
                told(FoundJob(shard, item))
        return action(view, view.wanted(conditions))


def show(spool: SpoolPlace, text: str) -> Shown:
    shard, conditions = _parsed(spool, text)
    message = conditions.message if conditions.job is None else conditions.job.message
    assert message is not None, "an id names a message at least"
    with spool.view(shard) as view:
        shown = view.show(message)
    if shown is None:
        raise _gone(text)
    return shown


def statistics(spool: SpoolPlace, now: float, unseen: Unseen | None = None) -> dict[str, float]:
    """Sums over the shards; 0 seconds for an empty queue.  `unseen`: as `SpoolPlace.views` has it."""
    totals = dict.fromkeys(("messages", "recipients", "held", "deferred", "quarantined"), 0)
    oldest = now
    everything = ((shard, ANYTHING) for shard in spool.shards())
    for _, _, view in spool.views(everything, unseen):
        values = view.statistics()
        oldest = min(oldest, values["oldest_arrival"] or now)
        totals = {name: total + int(values[name] or 0) for name, total in totals.items()}
    return {**totals, "oldest_age_seconds": max(0.0, round(now - oldest, 3))}


def record(one: FoundJob, routes_of: RoutesOf) -> dict[str, Any]:
    """As --json prints it."""
    return asdict(shown_job(one.shard, summary_of(one.item), routes_of))


def shown_job(
    shard: int, item: JobSummary | Quarantined, routes_of: RoutesOf
) -> ShownJob | ShownQuarantined:
    if isinstance(item, Quarantined):
        return ShownQuarantined(
            shard=shard, what=item.what, path=str(item.path), reason=item.reason
        )
    return ShownJob(
        f"{shard}-{item.message}.{item.number}",
        item.message_id,
        item.sender,
        item.addresses,
        ", ".join(routes_of(item)),
        item.held,
        item.attempts,
        _time_text(item.arrived),
        _time_text(item.due),
        item.size,
        item.detail,
    )


def _time_text(seconds: float) -> str:
    return _second_text(int(seconds))


@lru_cache(maxsize=1_024)  # a thousand jobs of a long queue share a second; 100 octets each
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _wanted(spool: SpoolPlace, selection: Selection) -> Iterator[tuple[int, JobFilter]]:
    """Shards and what to look for there."""
    if selection.is_open():
        for shard in spool.shards():
            yield shard, selection.conditions
    for text in selection.ids:
        shard, conditions = _parsed(spool, text)
        with spool.view(shard) as view, closing(view.list(conditions)) as items:  # type: ignore[type-var]
            if next(items, None) is None:
                raise _gone(text)
        yield shard, conditions


def _parsed(spool: SpoolPlace, text: str) -> tuple[int, JobFilter]:
    shard, dash, rest = text.partition("-")
    wanted = parse_id(rest)
    if not dash or not shard.isdecimal() or wanted is None:
        raise QueueRequestError(
            f'"{text}" is no id; `kairan queue list` shows them, such as 0-81.2'
        )
    if int(shard) not in spool.shards():
        raise _gone(text)
    if isinstance(wanted, JobId):
        return int(shard), replace(ANYTHING, job=wanted)
    return int(shard), replace(ANYTHING, message=wanted)


def _gone(text: str) -> NotInQueueError:
    return NotInQueueError(f"{text} is not in the queue (any more); `kairan trace` tells its story")
