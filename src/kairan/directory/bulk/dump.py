"""The whole directory as lines of JSON: for backups, and on the way to another database.

    {"format": "kairan-directory", "shape": "0017"}
    {"table": "address", "row": {"key": "ann@example.com", "kind": "mailbox", ...}}
    {"end": 48211}                                        rows; without it the file was cut

Tables in the order in which rows may refer to others.  `shape` is the newest migration that the rows
have seen.  Rows of an older shape are brought up to date in a SQLite file of that shape: the
migrations are the one place that knows how.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import BATCH_ROWS, Database, insert_rows
from kairan.directory.database.migrate import (
    bring_up_to_date,
    newest_shape,
    shape_of,
    shapes,
    upgrade_to,
)
from kairan.directory.errors import DirectoryError

FORMAT = "kairan-directory"
# A mailbox with all of its attributes; a longer line is no row of ours.
LINE_OCTETS_MAX = 1024 * 1024


def dump(connection: Connection) -> Iterator[bytes]:
    """One consistent state: the transaction's."""
    yield _line({"format": FORMAT, "shape": shape_of(connection)})
    number = 0
    for table in schema.metadata.sorted_tables:
        for row in connection.execution_options(yield_per=BATCH_ROWS).execute(select(table)):
            yield _line({"table": table.name, "row": dict(row._mapping)})  # noqa: SLF001 - SQLAlchemy's way
            number += 1
    yield _line({"end": number})


def load(database: Database, lines: Iterable[bytes]) -> int:
    """Puts what was dumped in the place of all that is there, or changes nothing; how many rows."""
    numbered = iter(lines)
    header = _parsed(next(numbered, b"{}"))
    if header.get("format") != FORMAT:
        raise DirectoryError("this is no dump of a directory; take a file of `kairan backup`")
    shape = str(header.get("shape"))
    if shape not in shapes():
        raise DirectoryError(
            f"the dump was made by a newer version of Kairan (shape {shape}); install that version"
        )
    if shape != newest_shape():
        return _load_older(database, shape, numbered)
    with database.writing() as connection:
        return _replace(connection, numbered)


def copy(source: Connection, database: Database) -> int:
    return load(database, dump(source))


def is_empty(connection: Connection) -> bool:
    """Nobody and nothing has been put in: only the rows that the migrations make are there."""
    tables = (schema.address, schema.accepted_domain, schema.app, schema.authentication_policy)
    return not any(connection.execute(select(func.count()).select_from(t)).scalar() for t in tables)


def _load_older(database: Database, shape: str, lines: Iterator[bytes]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        old = Database(f"sqlite:///{Path(folder) / 'directory.db'}")
        try:
            with old.writing() as connection:
                upgrade_to(connection, shape)
                _replace(connection, lines)
            bring_up_to_date(old, migrate=True)
            with old.reading() as connection:
                return copy(connection, database)
        finally:
            old.close()


def _replace(connection: Connection, lines: Iterator[bytes]) -> int:
    """`revision` counts on, so that workers see that all is new."""
    tables = MetaData()
    tables.reflect(connection, only=lambda name, _: name != "alembic_version")
    known = schema.metadata.tables | tables.tables
    before = connection.execute(select(schema.revision.c.version)).scalar() or 0
    for table in reversed(tables.sorted_tables):
        connection.execute(delete(table))
    number = 0
    rows = _rows(lines, known)
    for name, of_table in groupby(rows, key=itemgetter(0)):
        table = known[name]
        while batch := [row for _, row in islice(of_table, BATCH_ROWS)]:
            if connection.dialect.name == "postgresql":
                insert_rows(connection, table, batch)
            else:
                connection.execute(insert(table), batch)
            number += len(batch)
    after = 1 + max(before, connection.execute(select(schema.revision.c.version)).scalar() or 0)
    counters = {"version": after, "heads": after, "mailboxes": after}
    connection.execute(update(schema.revision).values(counters))
    return number


def _rows(
    lines: Iterator[bytes], known: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, object]]]:
    for number, line in enumerate(lines):
        parsed = _parsed(line)
        if "end" in parsed:
            if parsed["end"] != number:
                raise DirectoryError("rows are missing from the dump; take another backup")
            return
        name, row = parsed.get("table"), parsed.get("row")
        if not isinstance(name, str) or name not in known or not isinstance(row, dict):
            raise DirectoryError(f"the dump holds a row of {name!r}, a table that is not ours")
        yield name, row
    raise DirectoryError("the dump was cut: its end is missing; take another backup")


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line) if len(line) <= LINE_OCTETS_MAX else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DirectoryError("a line of the dump does not read; take another backup")
    return value
