"""The database behind the directory: engine, transactions, and errors turned into sentences.

Reading sees one consistent state from its first statement on (SQLite: WAL; PostgreSQL: REPEATABLE
READ).  Writing is one at a time: SQLite takes its write lock at BEGIN; on PostgreSQL each change
first updates the single row of `revision`, and so waits for the one before.  What a change has
checked therefore still holds when it writes.
"""

import json
import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    String,
    Table,
    cast,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from kairan.directory.database import schema
from kairan.directory.database.postgresql_tls import ServerTls, take_tls
from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.recipient_filter.folding import fold
from kairan.runtime.secret_text import without_login
from kairan.runtime.write_ahead import use_write_ahead_log

# A change waits so long for the one before it, an import of a million mailboxes included.
_LOCK_TIMEOUT_SECONDS = 60
# The same for PostgreSQL's answer to one statement: beyond it the server is gone, not busy.
_ANSWER_TIMEOUT_SECONDS = 60
# One batch of a long insert: large enough that round trips do not count, small in memory.
BATCH_ROWS = 1_000


class Part(Enum):
    """What a change touches of that which snapshots hold; members are in no snapshot."""

    HEADS = "heads"  # accounts, groups, organisation, domains
    MAILBOXES = "mailboxes"


class Database:
    def __init__(self, url: str) -> None:
        parsed = _checked(url)
        self.name = parsed.render_as_string(hide_password=True)
        self._engine = _engine(parsed)
        self._reader = self._engine
        self._writer = self._engine.execution_options(kairan_begin="BEGIN IMMEDIATE")
        if parsed.get_backend_name() == "postgresql":
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._explained(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._explained(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def changing(self, *parts: Part) -> Iterator[Connection]:
        """A change: counted, alone, whole or not at all."""
        version = schema.revision.c.version
        with self.writing() as connection:
            counters = {"version": version + 1} | {part.value: version + 1 for part in parts}
            connection.execute(update(schema.revision).values(counters))
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            # Every rule is checked before it is written: this is a bug of ours, or another program.
            raise DirectoryError(
                f"the directory {self.name} refused the change: {error.orig}"
            ) from error
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise DirectoryUnavailableError(
                f"the directory {self.name} cannot be used: {reason};"
                " check directory.url in the configuration and that the database runs"
            ) from error


def touch(connection: Connection, part: Part) -> None:
    """Of a change whose parts are known at its end."""
    table = schema.revision
    connection.execute(update(table).values({part.value: table.c.version}))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Many rows at once; each names all columns.

    pg8000 sends `executemany` row by row, a round trip each; as one JSON parameter 1,000 rows
    are one statement.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        # As the driver takes them: SQLAlchemy would look at each value of each row once more.
        columns = [column.name for column in table.columns if column.name in rows[0]]
        statement = str(insert(table).compile(connection, column_keys=columns))
        values = [tuple(map(row.__getitem__, columns)) for row in rows]
        connection.exec_driver_sql(statement, values)
        return
    connection.execute(
        text(
            f"INSERT INTO {table.name} SELECT * FROM"  # noqa: S608 - our own table's name
            f" json_populate_recordset(NULL::{table.name}, CAST(:rows AS json))"
        ),
        {"rows": json.dumps(list(rows))},
    )


def one_of(
    connection: Connection, column: ColumnElement[str], values: Iterable[str]
) -> ColumnElement[bool]:
    """Is among these up to 1,000, which go as one parameter: a statement with a thousand is written anew
    each time.

    While a table grows within one transaction PostgreSQL takes it for small, and would compare
    each of its rows with each value; joined with the values it does not.
    """
    if connection.dialect.name != "postgresql":
        # SQLite would end a text at NUL, which no column of ours holds.
        wanted = json.dumps([value for value in values if "\0" not in value])
        return column.in_(select(func.json_each(wanted).table_valued("value").c.value))
    return column.in_(select(func.unnest(cast(list(values), ARRAY(String)))))


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DirectoryError(_unusable(url)) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+pg8000")
    if parsed.drivername not in {"sqlite", "postgresql+pg8000"}:
        raise DirectoryError(_unusable(parsed.render_as_string(hide_password=True)))
    if parsed.drivername == "sqlite":
        _check_file(parsed)
    return parsed


def _unusable(url: str) -> str:
    return (
        f"{without_login(url)!r} is not a directory URL; write sqlite:///PATH (four slashes for an absolute path)"
        " or postgresql+pg8000://USER@HOST/DATABASE"
    )


def _check_file(url: URL) -> None:
    if url.database in {None, "", ":memory:"}:
        raise DirectoryError(
            "the directory needs a file that all workers share; write sqlite:///PATH"
        )
    parent = Path(str(url.database)).absolute().parent
    if not parent.is_dir():
        raise DirectoryError(f"the folder {parent} of the directory does not exist; create it")
    _make_private(Path(str(url.database)))


def _make_private(path: Path) -> None:
    """The accounts' hashes are in it, and SQLite would make it for everybody to read.  Where we
    may not make it, SQLite says so in its own words.
    """
    if not path.exists():
        with suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": _LOCK_TIMEOUT_SECONDS})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        url, tls = take_tls(url)
        # Pre-ping: after the server's restart the first question must not fail.
        arguments = {"timeout": _ANSWER_TIMEOUT_SECONDS}
        engine = create_engine(url, pool_pre_ping=True, connect_args=arguments)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise DirectoryError(
            "PostgreSQL needs the driver pg8000; install it with: pip install 'pg8000>=1.31'"
        ) from error
    event.listen(engine, "do_connect", partial(_connect_postgresql, tls))
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: it would not at a SELECT, and then two
    # reads of one "transaction" could see two states.
    connection.isolation_level = None
    use_write_ahead_log(connection)  # readers go on while a change is written
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("kairan_fold", 1, _fold, deterministic=True)


def _fold(text: str | None) -> str | None:
    """Of SQLite's own functions `lower` knows ASCII alone."""
    return None if text is None else fold(text)


def _connect_postgresql(
    tls: ServerTls, dialect: Any, _record: Any, words: list[Any], options: dict[str, Any]
) -> Any:
    try:
        return dialect.connect(*words, **options, ssl_context=tls.argument())
    except OSError as error:  # the handshake, or the file of authorities; pg8000 wraps the rest
        reason = getattr(error, "verify_message", "") or error.strerror or error
        raise dialect.dbapi.InterfaceError(f"TLS (sslmode={tls.mode}): {reason}") from error


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # pg8000 writes one statement in pieces; the last would wait 40 ms for the others' ACK.
    connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # noqa: SLF001
    # While an import runs, and for a minute after, PostgreSQL believes the tables to be empty and
    # would read them whole for every batch.  Whatever we look up by key has an index.
    cursor = connection.cursor()
    cursor.execute("SET enable_seqscan = off")
    cursor.close()
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("kairan_begin", "BEGIN"))
