"""What accounts do at this moment, counted across all workers without a lock.

A table in memory that the supervisor maps before it forks:

    row     one account (its id, wrapped round at ACCOUNTS_MAX)
    column  one worker; only that worker writes there.  The last one is the other nodes', of a cluster:
            what they told lately (other_nodes.py); their hours are not in it
    cell    eight 32-bit numbers: connections; minute, messages and recipients in that minute;
            twice hour and recipients in that hour, for even and odd hours: one that is over can
            still be read

A sum over a row may be a moment old, never torn.  A worker that dies leaves its column; its
successor clears it.
"""

import mmap
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

ACCOUNTS_MAX: Final = 16_384  # the reference service allows about a hundred a tenant
_NUMBERS: Final = 8
_HOURS: Final = 4  # where they begin in a cell


class RowUse(NamedTuple):
    """What one account does at this moment."""

    connections: int
    minute: int
    messages: int  # in that minute
    recipients: int


class AccountCounters:
    def __init__(self, workers: int, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._columns = workers + 1
        self._memory = mmap.mmap(-1, ACCOUNTS_MAX * self._columns * _NUMBERS * 4)
        self._cells = memoryview(self._memory).cast("I")

    def column(self, worker: int) -> "WorkerColumn":
        """The view of one worker; what a predecessor left there is cleared."""
        column = WorkerColumn(self._cells, self._columns, worker, self._clock)
        column.clear()
        return column

    def use(self) -> Iterator[tuple[int, RowUse]]:
        """Of this node, by rows where there is any: to be asked twice a second, not more."""
        minute = int(self._clock() // 60)
        for row in sorted(
            {row for worker in range(self._columns - 1) for row in self._busy(worker, minute)}
        ):
            cells = [self._cell(row, worker) for worker in range(self._columns - 1)]
            counted = [cell for cell in cells if self._cells[cell + 1] == minute]
            yield (
                row,
                RowUse(
                    sum(self._cells[cell] for cell in cells),
                    minute,
                    sum(self._cells[cell + 2] for cell in counted),
                    sum(self._cells[cell + 3] for cell in counted),
                ),
            )

    def set_others(self, uses: Mapping[int, RowUse]) -> None:
        """In place of all that was there."""
        offset = (self._columns - 1) * _NUMBERS
        connections = self._cells[offset :: self._columns * _NUMBERS].tolist()
        minutes = self._cells[offset + 1 :: self._columns * _NUMBERS].tolist()
        for row, before in enumerate(zip(connections, minutes, strict=True)):
            if any(before) and row not in uses:
                self._set(row, RowUse(0, 0, 0, 0))
        for row, use in uses.items():
            self._set(row, use)

    def _set(self, row: int, use: RowUse) -> None:
        cell = self._cell(row, self._columns - 1)
        for place, number in enumerate(use, start=cell):
            self._cells[place] = number

    def _busy(self, worker: int, minute: int) -> Iterator[int]:
        step = self._columns * _NUMBERS
        connections = self._cells[worker * _NUMBERS :: step].tolist()
        minutes = self._cells[worker * _NUMBERS + 1 :: step].tolist()
        for row, (held, last) in enumerate(zip(connections, minutes, strict=True)):
            if held or last == minute:
                yield row

    def _cell(self, row: int, column: int) -> int:
        return (row * self._columns + column) * _NUMBERS


class WorkerColumn:
    def __init__(
        self, cells: memoryview, columns: int, worker: int, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._cells = cells
        self._row_length = columns * _NUMBERS
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
