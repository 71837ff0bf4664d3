"""Rows into SQLite, many in one step.

The interpreter lock changes hands at each step of SQLite: with one statement per row a busy event
loop would hold up the writing thread row by row, and it the loop.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain

# Rows of one statement.  There is one text for each number of rows up to it, so that what a busy
# moment brings, a dozen rows, is one step; the connection keeps them all prepared.
BLOCK_ROWS = 64


class Insert:
    """`INSERT INTO table(columns) VALUES`, for any number of rows of `place`, such as `(?,?,0)`."""

    def __init__(self, statement: str, place: str) -> None:
        self._texts = tuple(
            f"{statement} {','.join([place] * rows)}" for rows in range(1, BLOCK_ROWS + 1)
        )

    def into(self, db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Within the caller's transaction."""
        for start in range(0, len(rows), BLOCK_ROWS):
            block = rows[start : start + BLOCK_ROWS]
            db.execute(self._texts[len(block) - 1], list(chain.from_iterable(block)))
