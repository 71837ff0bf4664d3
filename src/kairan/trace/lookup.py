"""The trace's index: which events have a message id, a sender, a recipient.

Table `lookup` holds keys and the ids of events, in the order of both and nothing else.  A key is the
search key of a text (keys.py) and which of the three the text is.

Not three indexes of SQLite's, which take each row where its hash falls, a page read and written for
each of the three: a batch that is put in in the order of its keys comes to each page once.  Of the
600,000 events of six mailings to a list an event took 22 to 38 microseconds of processor, the more the
more there were, and takes 14 to 22.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
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

# An event's id and its search keys in the order of `Named`.
IndexedEvent = tuple[int, Sequence[int | None]]


def _lookup_key(search_key: int, named: Named) -> int:
    return search_key * _KINDS + named


def write(database: sqlite3.Connection, events: Iterable[IndexedEvent]) -> None:
    """Within the caller's transaction."""
    _INSERT.into(database, _entries(events))


def delete(database: sqlite3.Connection, events: Iterable[IndexedEvent]) -> None:
    """Within the caller's transaction."""
    database.executemany("DELETE FROM lookup WHERE k = ? AND id = ?", _entries(events))


def _entries(events: Iterable[IndexedEvent]) -> list[tuple[int, int]]:
    """In three passes: those of the ids and senders of a list are sorted as they come."""
    listed = list(events)
    entries = [
        (key * _KINDS + named, id_)
        for named in (int(one) for one in Named)
        for id_, keys in listed
        if (key := keys[named]) is not None
    ]
    entries.sort()
    return entries


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
    """A condition on `event` for all that have one of the search keys, and its values."""
    places = ",".join("?" * len(keys))
    if not is_there(database):
        return f"{COLUMNS[named]} IN ({places})", keys
    found = f"id IN (SELECT id FROM lookup WHERE k IN ({places}))"  # noqa: S608 - places alone
    return found, [_lookup_key(key, named) for key in keys]


def latest_named(
    database: sqlite3.Connection, named: Named
) -> tuple[str, str, Callable[[int], int]]:
    """For the latest of many: what to select from, a condition, and the value of a search key there.

    In the order of `id DESC` it reads no more than is asked for.
    """
    if not is_there(database):
        return "event", f"{COLUMNS[named]} = ?", int
    return "lookup CROSS JOIN event USING (id)", "k = ?", lambda key: _lookup_key(key, named)
