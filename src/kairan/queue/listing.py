"""A long queue as lines of text, made by as many processes as there are processors, in its order.

A listing of a million jobs is bound by the processor: records are decoded, routes looked up, JSON
written.  So the queue is cut into parts by message, and processes that share this one's memory
(they are forks) turn parts into text while it prints.  A few parts at a time are under way: what
prints slowly holds the others up and fills no memory.
"""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, TypeAlias

from kairan.spool.interface import JobSummary, Quarantined
from kairan.spool.operator_view import JobFilter, MessageRange, summary_of
from kairan.spool.place import SpoolPlace

# Some 4 MB of text, half a second's work: what starting a process costs is lost in it.
PART_MESSAGES = 10_000
# A queue of so few parts is listed sooner than processes are started.
PARTS_ALONE_MAX = 4
# Of a queue in a database, which is read by one process: some 100 KB of text.
PIECE_JOBS = 500

_Found: TypeAlias = Iterable[JobSummary | Quarantined]
# Of jobs of one shard, with what stands between them; empty for none.
TextOf: TypeAlias = Callable[[int, _Found], str]


class _Stretch(NamedTuple):
    """Messages of a shard; None: what lies in its quarantine."""

    shard: int
    messages: MessageRange | None


class _Work(NamedTuple):
    spool: SpoolPlace
    conditions: JobFilter
    text_of: TextOf

    def text(self, part: _Stretch) -> str:
        with self.spool.folder_view(part.shard) as view:
            if part.messages is None:
                quarantined = view.quarantined(self.conditions)
                return self.text_of(part.shard, map(summary_of, quarantined))
            wanted = replace(self.conditions, messages=part.messages)
            return self.text_of(part.shard, view.summaries(wanted))


def listed(spool: SpoolPlace, conditions: JobFilter, text_of: TextOf) -> Iterator[str]:
    """The texts of all jobs that fit, in the order of shard, message and job, many in a piece: one string
    comes from another process sooner than ten thousand.
    """
    work = _Work(spool, conditions, text_of)
    return filter(None, _pieces(work))


def _pieces(work: _Work) -> Iterator[str]:
    spool = work.spool
    folders = [shard for shard in spool.shards() if not spool.is_database(shard)]
    yield from _of_parts(work, _parts(spool, folders))
    wanted = ((shard, work.conditions) for shard in spool.databases())
    for shard, conditions, view in spool.views(wanted):
        remaining = view.list(conditions)
        while items := list(islice(remaining, PIECE_JOBS)):
            yield work.text_of(shard, map(summary_of, items))


def _of_parts(work: _Work, parts: Iterator[_Stretch]) -> Iterator[str]:
    # Here, whatever its length: what `text_of` reads once is then there for all processes.
    for first in islice(parts, 1):
        yield work.text(first)
    rest = list(parts)
    processes = min(processors(), len(rest))
    if processes > 1 and len(rest) > PARTS_ALONE_MAX:
        yield from _by_processes(work, rest, processes)
        return
    for part in rest:
        yield work.text(part)


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_processes(work: _Work, parts: list[_Stretch], processes: int) -> Iterator[str]:
    under_way: deque[Future[str]] = deque()
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), initializer=_begin, initargs=(work,)
    ) as pool:
        for part in parts:
            under_way.append(pool.submit(_text_of, part))
            if len(under_way) > processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _parts(spool: SpoolPlace, shards: Iterable[int]) -> Iterator[_Stretch]:
    for shard in shards:
        with spool.folder_view(shard) as view:
            first, last = view.messages()
        for start in range(first, last + 1, PART_MESSAGES):
            yield _Stretch(shard, MessageRange(start, start + PART_MESSAGES - 1))
        yield _Stretch(shard, None)


_of_process: list[_Work] = []


def _begin(work: _Work) -> None:
    gc.disable()  # jobs know nobody who knows them: a tenth of the time was spent looking for cycles
    _of_process.append(work)


def _text_of(part: _Stretch) -> str:
    return _of_process[0].text(part)
