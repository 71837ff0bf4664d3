"""Brings a database to the shape this program knows, or says why that cannot be.

Which shape a database has is asked without Alembic, for every command and worker asks and hardly
one has anything to bring up to date: it is one row, and our shapes are the files in
migrations/versions, each named by its revision and what it does, the newest last.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError, DirectoryOfOldShapeError
from kairan.runtime.privileges import reading_the_program

# Two workers that start at once must not both create the tables.  Any number does; it is ours.
_POSTGRESQL_LOCK = 0x6B616972616E
_SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(database: Database, *, migrate: bool) -> None:
    with database.reading() as connection:
        if _pending(connection, database.name) and not migrate:
            raise DirectoryOfOldShapeError(
                f"the directory {database.name} has not been brought to this version's shape;"
                " start `kairan serve` once, which does it, or run `kairan init`"
            )
        if not _pending(connection, database.name):
            return
    with _migrating(database) as connection:
        # Another process may have been quicker.
        if _pending(connection, database.name):
            upgrade_to(connection, "head")


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _POSTGRESQL_LOCK})
        yield connection


def _pending(connection: Connection, name: str) -> bool:
    current, ours = shape_of(connection), shapes()
    if current is not None and current not in ours:
        raise DirectoryError(
            f"the directory {name} was written by a newer version of Kairan (shape {current});"
            " install that version, or restore a backup made before the upgrade"
        )
    return current != ours[-1]


def shape_of(connection: Connection) -> str | None:
    """What Alembic has written down; None: it has never been here."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def shapes() -> list[str]:
    with reading_the_program():
        names = [path.name for path in _SCRIPTS.glob("versions/v*_*.py")]
    return sorted(name[1:].partition("_")[0] for name in names)


def newest_shape() -> str:
    return shapes()[-1]


def upgrade_to(connection: Connection, shape: str) -> None:
    from alembic import command  # noqa: PLC0415 - slow, and needed once in a database's version

    command.upgrade(_config(connection), shape)


def _config(connection: Connection) -> Any:
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
