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
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

from kairan.queue.jobs import FoundJob, opened_view, shards
from kairan.spool.sqlite.operator.view import JobFilter, MessageRange

# Some 4 MB of text, half a second's work: what starting a process costs is lost in it.
PART_MESSAGES = 10_000

TextOf: TypeAlias = Callable[[FoundJob], str]


class _Part(NamedTuple):
    """Messages of a shard; None: what lies in its quarantine."""

    shard: int
    messages: MessageRange | None


class _Work(NamedTuple):
    spool: Path
    conditions: JobFilter
    text_of: TextOf

    def lines(self, part: _Part) -> list[str]:
        with opened_view(self.spool, part.shard) as view:
            if part.messages is None:
                items = view.quarantined(self.conditions)
            else:
                items = view.jobs(replace(self.conditions, messages=part.messages))
            return [self.text_of(FoundJob(part.shard, item)) for item in items]


def listed(spool: Path, conditions: JobFilter, text_of: TextOf) -> Iterator[str]:
    """The text of each job that fits, in the order of shard, message and job."""
    work, parts = _Work(spool, conditions, text_of), iter(_parts(spool))
    # Here, whatever its length: what `text_of` reads once is then there for all processes.
    for first in islice(parts, 1):
        yield from work.lines(first)
    rest = list(parts)
    processes = min(processors(), len(rest))
    if processes < 2:
        for part in rest:
            yield from work.lines(part)
        return
    yield from _by_processes(work, rest, processes)


def processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_processes(work: _Work, parts: list[_Part], processes: int) -> Iterator[str]:
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


def _parts(spool: Path) -> Iterator[_Part]:
    for shard in shards(spool):
        with opened_view(spool, shard) as view:
            first, last = view.messages()
        for start in range(first, last + 1, PART_MESSAGES):
            yield _Part(shard, MessageRange(start, start + PART_MESSAGES - 1))
        yield _Part(shard, None)


_of_process: list[_Work] = []


def _begin(work: _Work) -> None:
    gc.disable()  # jobs know nobody who knows them: a tenth of the time was spent looking for cycles
    _of_process.append(work)


def _lines_of(part: _Part) -> list[str]:
    return _of_process[0].lines(part)
