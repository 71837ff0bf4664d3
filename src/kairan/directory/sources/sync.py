"""One look at a source, and what the directory makes of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.apply import SyncReport, SyncRules
from kairan.directory.sources.csv_source import read_csv
from kairan.directory.sources.ldap.first import first_reading
from kairan.directory.sources.ldap.reading import Extent, ReadProgress, read_ldap
from kairan.directory.sources.settings import SourceKind, SourceSettings
from kairan.directory.sources.store import SourceState
from kairan.directory.sources.values import ArrivingReading
from kairan.directory.store import Directory


@dataclass(frozen=True, slots=True)
class SyncOrder:
    """What is wanted of one look.  `is_whole`: everybody is read, whatever the mark says."""

    is_whole: bool = False
    dry_run: bool = False
    accepts_loss: bool = False


def sync(
    directory: Directory,
    settings: SourceSettings,
    order: SyncOrder,
    *,
    clock: Callable[[], float] = time.time,
    on_progress: ReadProgress | None = None,
) -> SyncReport:
    """All of it or nothing; why nothing is kept for `states`, and raised.  `on_progress`: of the
    entries read, then of the people applied.
    """
    sources = directory.sources
    rules = SyncRules(
        settings.share_min,
        settings.grace_seconds,
        settings.keeps_old_addresses,
        order.accepts_loss,
    )
    try:
        state = sources.state(settings.name)
        now = int(clock())
        with _reading(settings, state, order, now, on_progress) as reading:
            return sources.apply(
                settings.name,
                reading,
                rules,
                now=now,
                dry_run=order.dry_run,
                on_progress=on_progress,
            )
    except DirectoryError as error:
        if not order.dry_run:
            sources.note_failure(settings.name, str(error), now=int(clock()))
        raise


@contextmanager
def _reading(
    settings: SourceSettings,
    state: SourceState,
    order: SyncOrder,
    now: int,
    on_progress: ReadProgress | None,
) -> Iterator[ArrivingReading]:
    if settings.kind is SourceKind.CSV:
        yield read_csv(settings)
    elif not state.people and not state.groups:
        with first_reading(settings) as reading:
            yield reading
    else:
        is_swept = now - state.whole < settings.whole_seconds
        extent = Extent.CHANGES if is_swept and not state.problem else Extent.SWEEP
        mark = "" if order.is_whole else state.mark
        yield read_ldap(settings, extent, mark, on_progress=on_progress)
