"""What accounts do at this moment, counted across all workers without a lock.

A table in memory that the supervisor maps before it forks:

    row     one account (its id, wrapped round at ACCOUNTS_MAX)
    column  one worker; only that worker writes there
    cell    eight 32-bit numbers: connections; minute, messages and recipients in that minute;
            twice hour and recipients in that hour, for even and odd hours: one that is over can
            still be read

A sum over a row may be a moment old, never torn.  A worker that dies leaves its column; its
successor clears it.
"""

import mmap
import time
from collections.abc import Callable
from typing import Final

ACCOUNTS_MAX: Final = 16_384  # the reference service allows about a hundred a tenant
_NUMBERS: Final = 8
_HOURS: Final = 4  # where they begin in a cell


class AccountCounters:
    def __init__(self, workers: int, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._workers = workers
        self._memory = mmap.mmap(-1, ACCOUNTS_MAX * workers * _NUMBERS * 4)
        self._cells = memoryview(self._memory).cast("I")

    def column(self, worker: int) -> "WorkerColumn":
        """The view of one worker; what a predecessor left there is cleared."""
        column = WorkerColumn(self._cells, self._workers, worker, self._clock)
        column.clear()
        return column


class WorkerColumn:
    def __init__(
        self, cells: memoryview, workers: int, worker: int, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._cells = cells
        self._row_length = workers * _NUMBERS
        self._offset = worker * _NUMBERS

    def clear(self) -> None:
        for row in range(ACCOUNTS_MAX):
            self._cells[row * self._row_length + self._offset] = 0

    def connected(self, account: int) -> None:
        self._cells[self._cell(account)] += 1

    def disconnected(self, account: int) -> None:
        self._cells[self._cell(account)] -= 1

    def accepted(self, account: int, recipients: int = 1) -> None:
        cell, minute = self._cell(account), int(self._clock() // 60)
        if self._cells[cell + 1] != minute:
            self._cells[cell + 1], self._cells[cell + 2], self._cells[cell + 3] = minute, 0, 0
        self._cells[cell + 2] += 1
        self._cells[cell + 3] += recipients
        hour = minute // 60
        place = cell + _HOURS + hour % 2 * 2
        if self._cells[place] != hour:
            self._cells[place], self._cells[place + 1] = hour, 0
        self._cells[place + 1] += recipients

    def connections(self, account: int) -> int:
        start = account % ACCOUNTS_MAX * self._row_length
        return sum(self._cells[start : start + self._row_length : _NUMBERS])

    def messages(self, account: int) -> int:
        return self._sum(account, 2)

    def recipients(self, account: int) -> int:
        return self._sum(account, 3)

    def recipients_in_hour(self, account: int, hour: int) -> int:
        """`hour` since the epoch: this one or the one before."""
        start = account % ACCOUNTS_MAX * self._row_length + _HOURS + hour % 2 * 2
        return sum(
            self._cells[place + 1]
            for place in range(start, start + self._row_length, _NUMBERS)
            if self._cells[place] == hour
        )

    def _sum(self, account: int, number: int) -> int:
        """Of this minute, over all workers."""
        start = account % ACCOUNTS_MAX * self._row_length
        minute = int(self._clock() // 60)
        return sum(
            self._cells[cell + number]
            for cell in range(start, start + self._row_length, _NUMBERS)
            if self._cells[cell + 1] == minute
        )

    def _cell(self, account: int) -> int:
        return account % ACCOUNTS_MAX * self._row_length + self._offset
