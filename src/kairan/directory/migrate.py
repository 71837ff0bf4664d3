"""Brings a database to the shape this program knows, or says why that cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from kairan.directory.database import Database
from kairan.directory.errors import DirectoryError

# Two workers that start at once must not both create the tables.  Any number does; it is ours.
_POSTGRESQL_LOCK = 0x6B616972616E


def bring_up_to_date(database: Database, *, migrate: bool) -> None:
    with database.reading() as connection:
        if _pending(connection, database.name) and not migrate:
            raise DirectoryError(
                f"the directory {database.name} has not been brought to this version's shape;"
                " start `kairan serve` once, which does it, or run `kairan init`"
            )
        if not _pending(connection, database.name):
            return
    with _migrating(database) as connection:
        # Another process may have been quicker.
        if _pending(connection, database.name):
            command.upgrade(_config(connection), "head")


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _POSTGRESQL_LOCK})
        yield connection


def _pending(connection: Connection, name: str) -> bool:
    scripts = ScriptDirectory.from_config(_config(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {s.revision for s in scripts.walk_revisions()}:
        raise DirectoryError(
            f"the directory {name} was written by a newer version of Kairan (shape {current});"
            " install that version, or restore a backup made before the upgrade"
        )
    return current != scripts.get_current_head()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
