"""Failed logins, as workers and nodes tell one another: a table in memory, mapped before the fork.

    column  one worker, which alone writes there; the last one is the other nodes', of a cluster, and
            is written by the worker that asks for them (intake/other_nodes.py)
    head    how many records the column has had, ever (64 bits); the next goes to head modulo RECORDS_MAX
    record  1 whether it failed, or a failed pair has logged in since
           16 the address, as IPv6
           16 the digest of the name

Nobody waits: who is asked whether a login may be tried reads what came since it was last asked.  Of a
column that had more than RECORDS_MAX meanwhile the oldest are not heard: a hash takes longer.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

RECORDS_MAX: Final = 256
_RECORD: Final = struct.Struct("<?16s16s")
_HEAD_OCTETS: Final = 8


class LoginNews(NamedTuple):
    has_failed: bool
    address: bytes
    name: bytes


class FailureNews:
    """Of one machine."""

    def __init__(self, workers: int) -> None:
        self.others = workers
        columns = workers + 1
        self._heads = memoryview(mmap.mmap(-1, columns * _HEAD_OCTETS)).cast("Q")
        self._records = mmap.mmap(-1, columns * RECORDS_MAX * _RECORD.size)

    def heads(self) -> list[int]:
        return self._heads.tolist()

    def add(self, column: int, news: LoginNews) -> None:
        """The head last: whoever sees it finds the record whole."""
        head = self._heads[column]
        _RECORD.pack_into(self._records, self._place(column, head), *news)
        self._heads[column] = head + 1

    def between(self, column: int, seen: int, head: int) -> Iterator[LoginNews]:
        for number in range(max(seen, head - RECORDS_MAX), head):
            place = self._place(column, number)
            yield LoginNews._make(_RECORD.unpack_from(self._records, place))

    def _place(self, column: int, number: int) -> int:
        return (column * RECORDS_MAX + number % RECORDS_MAX) * _RECORD.size


class NewsReader:
    """Each record of these columns once, from now on."""

    def __init__(self, news: FailureNews, columns: Iterable[int]) -> None:
        self._news = news
        self._columns = tuple(columns)
        self._seen = news.heads()

    def read(self) -> list[LoginNews]:
        heads, seen = self._news.heads(), self._seen
        if heads == seen:
            return []
        self._seen = heads
        return [
            one
            for column in self._columns
            for one in self._news.between(column, seen[column], heads[column])
        ]


class WorkerNews:
    """One worker's end: tells the others, hears from them."""

    def __init__(self, news: FailureNews, worker: int) -> None:
        self._news = news
        self._worker = worker
        self._reader = NewsReader(news, (n for n in range(news.others + 1) if n != worker))

    def tell(self, news: LoginNews) -> None:
        self._news.add(self._worker, news)

    def heard(self) -> list[LoginNews]:
        return self._reader.read()


def pack(news: Iterable[LoginNews]) -> bytes:
    return b"".join(_RECORD.pack(*one) for one in news)


def unpack(packed: bytes) -> list[LoginNews]:
    """Of another version of Kairan, nothing."""
    if len(packed) % _RECORD.size:
        return []
    return [LoginNews._make(one) for one in _RECORD.iter_unpack(packed)]
