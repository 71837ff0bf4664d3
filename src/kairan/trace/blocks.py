"""Rows of the trace that stand for several events: a batch of a list, as it was delivered.

    table `event`   id  … recipient='' … recipients='["a@x", "b@x", …]'
                     │
    view `event`    id       … a@x …      one row for each event, whatever the table has
                    id + 1   … b@x …

`recipients` is NULL of a row that is one event; else a JSON list of 2 to BLOCK_MAX addresses.  The first
has the id of the row, each other one the next, and no other row has an id among them.

Readers see events: on their connections the view `event` hides the table.  SQLite unpacks there all
that a query comes by, which is right for sums.  Who wants the first or the latest of many asks
`read_in_order`, which reads no more than is taken.  View `block` is the table, `first_id` in both the id
of the row: a condition on it is one that SQLite finds rows by.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

# An event has a microsecond for its id, so a block takes a thousandth of a second at most.
BLOCK_MAX = 1_000

# With the values of `ids_between`.
IS_BETWEEN = "first_id BETWEEN ? AND ? AND id BETWEEN ? AND ?"
# Events of a row of the table.
LENGTH = "coalesce(json_array_length(recipients), 1)"
_HEAD = "event, message_id, sender, recipient, detail"
_NOT_COPIED = {"id", "recipient", "recipients"}


def packed(recipients: Sequence[str]) -> str | None:
    """For the column; None: it is one."""
    return json.dumps(recipients, ensure_ascii=False) if len(recipients) > 1 else None


def recipients_in(recipients: str) -> list[str]:
    found: list[str] = json.loads(recipients)
    return found


def see_events(database: sqlite3.Connection) -> None:
    """Makes the views, which the file does not keep; of files from before there were blocks as well."""
    there = [row[1] for row in database.execute("PRAGMA main.table_info(event)")]
    if not there:
        return
    recipients = "recipients" if "recipients" in there else "NULL AS recipients"
    copied = ", ".join(name for name in there if name not in _NOT_COPIED)
    database.execute(
        f"CREATE TEMP VIEW block AS SELECT id AS first_id, recipient, {recipients}, {copied} "  # noqa: S608 - columns of ours
        "FROM main.event"
    )
    database.execute(
        "CREATE TEMP VIEW event AS SELECT first_id, first_id + coalesce(key, 0) AS id, "  # noqa: S608
        f"coalesce(value, recipient) AS recipient, {copied} "
        "FROM block LEFT JOIN json_each(recipients)"
    )


def ids_between(first: int, last: int) -> tuple[int, int, int, int]:
    """Both inclusive; the first may be within a block."""
    return first - BLOCK_MAX + 1, last, first, last


def read_in_order(
    database: sqlite3.Connection,
    further: Sequence[str],
    source: str,
    values: Sequence[object],
    *,
    latest_first: bool = False,
) -> Iterator[tuple[Any, ...]]:
    """Events: id, event, message_id, sender, recipient, detail and `further` columns.

    `source`: from view `block` and under which condition, which cannot look at the recipient.
    """
    columns = ", ".join((_HEAD, *further))
    order = "DESC" if latest_first else "ASC"
    query = f"SELECT first_id, recipients, {columns} FROM {source} ORDER BY first_id {order}"  # noqa: S608 - our own text
    for first, recipients, *facts in database.execute(query, values):
        if recipients is None:
            yield first, *facts
            continue
        event, message_id, sender, _, *rest = facts
        each = list(enumerate(recipients_in(recipients), first))
        for id_, recipient in reversed(each) if latest_first else each:
            yield id_, event, message_id, sender, recipient, *rest


def oldest(database: sqlite3.Connection) -> int | None:
    (found,) = database.execute("SELECT min(first_id) FROM block").fetchone()
    return None if found is None else int(found)


def newest(database: sqlite3.Connection, until: int | None = None) -> int | None:
    """The latest event up to then, or of all."""
    at_most = (1 << 63) - 1 if until is None else until
    (found,) = database.execute(
        "SELECT max(id) FROM event WHERE id <= ?1 AND "
        "first_id = (SELECT max(first_id) FROM block WHERE first_id <= ?1)",
        (at_most,),
    ).fetchone()
    return None if found is None else int(found)


def next_behind(database: sqlite3.Connection, id_: int) -> int | None:
    """The first event behind that one, which may be within a block."""
    (found,) = database.execute(
        "SELECT min(id) FROM event WHERE id > ?1 AND first_id IN ("
        "(SELECT max(first_id) FROM block WHERE first_id <= ?1),"
        "(SELECT min(first_id) FROM block WHERE first_id > ?1))",
        (id_,),
    ).fetchone()
    return None if found is None else int(found)
