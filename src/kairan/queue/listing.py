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

from kairan.queue.jobs import FoundJob
from kairan.spool.place import SpoolPlace
from kairan.spool.sqlite.operator.view import JobFilter, MessageRange

# Some 4 MB of text, half a second's work: what starting a process costs is lost in it.
PART_MESSAGES = 10_000
# A queue of so few parts is listed sooner than processes are started.
PARTS_ALONE_MAX = 4

TextOf: TypeAlias = Callable[[FoundJob], str]


class _Stretch(NamedTuple):
    """Messages of a shard; None: what lies in its quarantine."""

    shard: int
    messages: MessageRange | None


class _Work(NamedTuple):
    spool: SpoolPlace
    conditions: JobFilter
    text_of: TextOf

    def lines(self, part: _Stretch) -> list[str]:
        with self.spool.folder_view(part.shard) as view:
            if part.messages is None:
                items = view.quarantined(self.conditions)
            else:
                items = view.jobs(replace(self.conditions, messages=part.messages))
            return [self.text_of(FoundJob(part.shard, item)) for item in items]


def listed(spool: SpoolPlace, conditions: JobFilter, text_of: TextOf) -> Iterator[str]:
    """The text of each job that fits, in the order of shard, message and job."""
    work = _Work(spool, conditions, text_of)
    databases = [shard for shard in spool.shards() if spool.is_database(shard)]
    folders = [shard for shard in spool.shards() if shard not in databases]
    yield from _of_parts(work, _parts(spool, folders))
    for shard in databases:
        with spool.view(shard) as view:
            yield from (text_of(FoundJob(shard, item)) for item in view.list(conditions))


def _of_parts(work: _Work, parts: Iterator[_Stretch]) -> Iterator[str]:
    # Here, whatever its length: what `text_of` reads once is then there for all processes.
    for first in islice(parts, 1):
        yield from work.lines(first)
    rest = list(parts)
    processes = min(processors(), len(rest))
    if processes > 1 and len(rest) > PARTS_ALONE_MAX:
        yield from _by_processes(work, rest, processes)
        return
    for part in rest:
        yield from work.lines(part)


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_processes(work: _Work, parts: list[_Stretch], processes: int) -> Iterator[str]:
    under_way: deque[Future[list[str]]] = deque()
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), initializer=_begin, initargs=(work,)
    ) as pool:
        for part in parts:
            under_way.append(pool.submit(_lines_of, part))
            if len(under_way) > processes:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()


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


def _lines_of(part: _Stretch) -> list[str]:
    return _of_process[0].lines(part)
