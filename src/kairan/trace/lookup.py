"""The trace's index: which events have a message id, a sender, a recipient.

Table `lookup` holds keys and the ids of rows, in the order of both and nothing else.  A key is the
search key of a text (keys.py) and which of the three the text is.  A row of several events (blocks.py)
stands there once for its message and its sender, and for each recipient.

Not three indexes of SQLite's, which take each row where its hash falls, a page read and written for
each of the three: a batch that is put in in the order of its keys comes to each page once.  Of the
600,000 events of six mailings to a list an event took 22 to 38 microseconds of processor, the more the
more there were, and takes 14 to 22.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import IntEnum

from kairan.runtime.rows import Insert

_TABLE = """
CREATE TABLE lookup (k INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (k, id)) WITHOUT ROWID
"""
_INSERT = Insert("INSERT INTO lookup VALUES", "(?,?)")


class Named(IntEnum):
    """What a text is of its event."""

    MESSAGE_ID = 0
    SENDER = 1
    RECIPIENT = 2


# The columns of `event` that hold the search keys.
COLUMNS = {Named.MESSAGE_ID: "m", Named.SENDER: "s", Named.RECIPIENT: "r"}
_KINDS = 4  # three, and one to spare
# Of a key's 42 bits behind the day: the first eight say of which part of a batch it is.
_PART_BITS = 34

# A row's id, and the search keys of message id, sender and each recipient, once.
IndexedRow = tuple[int, int | None, int | None, Collection[int]]


def _lookup_key(search_key: int, named: Named) -> int:
    return search_key * _KINDS + named


def write(database: sqlite3.Connection, rows: Iterable[IndexedRow]) -> None:
    """Within the caller's transaction."""
    _INSERT.into(database, _entries(rows))


def delete(database: sqlite3.Connection, rows: Iterable[IndexedRow]) -> None:
    """Within the caller's transaction."""
    database.executemany("DELETE FROM lookup WHERE k = ? AND id = ?", _entries(rows))


def _entries(rows: Iterable[IndexedRow]) -> list[tuple[int, int]]:
    """In three passes: those of the ids and senders of a list are sorted as they come."""
    listed = list(rows)
    of_message, of_sender, of_recipient = map(int, Named)
    entries = [(m * _KINDS + of_message, id_) for id_, m, _, _ in listed if m is not None]
    entries += [(s * _KINDS + of_sender, id_) for id_, _, s, _ in listed if s is not None]
    entries += [(r * _KINDS + of_recipient, id_) for id_, _, _, keys in listed for r in keys]
    return _in_order(entries)


def _in_order(entries: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted a part at a time: one sort of fifty thousand would keep the interpreter, and with it all
    mail, for 50 ms.
    """
    parts = defaultdict[int, list[tuple[int, int]]](list)
    for entry in entries:
        parts[entry[0] >> _PART_BITS].append(entry)
    return [entry for part in sorted(parts) for entry in sorted(parts[part])]


def is_there(database: sqlite3.Connection) -> bool:
    """Not in files of 0.1.0, which had indexes of the columns, until they are written to."""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'lookup'"
    return database.execute(query).fetchone() is not None


def make(database: sqlite3.Connection) -> None:
    """Of all events that there are, in the order of the old indexes: some seconds for each million."""
    with database:
        database.execute(_TABLE)
        for named, column in COLUMNS.items():
            database.execute(
                f"INSERT INTO lookup SELECT {column} * {_KINDS} + {named:d}, id FROM event "  # noqa: S608
                f"WHERE {column} IS NOT NULL ORDER BY {column}, id"
            )
            database.execute(f"DROP INDEX IF EXISTS event_{column}")


def events_named(
    database: sqlite3.Connection, named: Named, keys: Sequence[int]
) -> tuple[str, Sequence[int]]:
    """A condition on `event` or `block` for all that have one of the search keys, and its values."""
    places = ",".join("?" * len(keys))
    if not is_there(database):
        return f"{COLUMNS[named]} IN ({places})", keys
    found = f"first_id IN (SELECT id FROM lookup WHERE k IN ({places}))"  # noqa: S608 - places alone
    return found, [_lookup_key(key, named) for key in keys]


def latest_named(database: sqlite3.Connection, named: Named) -> tuple[str, Callable[[int], int]]:
    """For the latest of many: what of `block` to select from, with a place for a search key, and the
    value of one there.

    In the order of `first_id DESC` it reads no more than is asked for.
    """
    if not is_there(database):
        return f"(SELECT * FROM block WHERE {COLUMNS[named]} = ?)", int  # noqa: S608 - our columns
    found = "(SELECT id AS first_id FROM lookup WHERE k = ?)"
    return f"{found} CROSS JOIN block USING (first_id)", lambda key: _lookup_key(key, named)
