"""What an operator may do to jobs: try them now, hold, release or drop them.

Each act leaves an event in the trace for each recipient that it concerns, before it is done.  To
try the whole queue now is one event: it takes nothing from any message, and each has the tries
that follow in its own story.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import assert_never

from kairan.config.model import Configuration
from kairan.queue.jobs import Change, FoundJob, Selection, change, found
from kairan.queue.recorded import opened_trace
from kairan.queue.routing import TryNow
from kairan.spool.interface import Quarantined


class QueueAct(StrEnum):
    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class _Way:
    """How an act is done; `on_held`: only to those that are held, or are not."""

    done: str
    action: Change
    on_held: bool | None = None


def done_word(act: QueueAct) -> str:
    return _way(act, 0.0).done


def carry_out(
    configuration: Configuration,
    act: QueueAct,
    selection: Selection,
    *,
    now: float,
    warn: Callable[[str], None],
    by: str = "",
) -> int:
    """How many jobs were changed.  `by`: who acts, where it is not the user of this process."""
    way, hurried = _way(act, now), TryNow(configuration)
    seen = hurried.add if act is QueueAct.RETRY else _nothing
    with ExitStack() as stack:
        record = opened_trace(configuration, stack, warn=warn, by=by)
        if act is QueueAct.RETRY and selection.is_everything:
            changed = change(configuration.spool_place, selection, way.action)
            record(act.upper(), message_id="", what=f"the whole queue, {changed} jobs")
        else:
            told = partial(_tell, act, way, record, seen)
            changed = change(configuration.spool_place, selection, way.action, told)
    if act is QueueAct.RETRY:
        hurried.ask(everything=selection.everything)
    return changed


def touched(configuration: Configuration, act: QueueAct, selection: Selection) -> int:
    """How many jobs the act would change now."""
    on_held = _way(act, 0.0).on_held
    jobs = found(configuration.spool_place, selection)
    return sum(1 for one in jobs if _is_meant(one, on_held))


def _way(act: QueueAct, now: float) -> _Way:
    match act:
        case QueueAct.RETRY:
            return _Way("due now", lambda view, jobs: view.retry(jobs, now=now))
        case QueueAct.HOLD:
            return _Way("held", lambda view, jobs: view.hold(jobs), on_held=False)
        case QueueAct.RELEASE:
            return _Way("released", lambda view, jobs: view.release(jobs, now=now), on_held=True)
        case QueueAct.DROP:
            return _Way("dropped", lambda view, jobs: view.drop(jobs))
        case never:
            assert_never(never)


def _tell(
    act: QueueAct,
    way: _Way,
    record: Callable[..., None],
    seen: Callable[[FoundJob], None],
    one: FoundJob,
) -> None:
    """An event for each recipient of a job that this changes."""
    item = one.item
    seen(one)
    if isinstance(item, Quarantined) or not _is_meant(one, way.on_held):
        return
    for recipient in item.job.recipients:
        record(
            act.upper(),
            message_id=item.envelope.message_id,
            sender=item.envelope.sender,
            recipient=recipient.address,
            spool_id=item.job.id.message,
        )


def _is_meant(one: FoundJob, on_held: bool | None) -> bool:
    """What is in quarantine is nobody's to change."""
    if isinstance(one.item, Quarantined):
        return False
    return on_held is None or one.item.held is on_held


def _nothing(_: FoundJob) -> None:
    return
