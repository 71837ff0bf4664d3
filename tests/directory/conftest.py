"""Every test of the store runs against both databases, each on a fresh copy of an empty one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from kairan.directory.database.schema import metadata, organisation, revision
from kairan.directory.store import Directory
from peers.postgresql import Cluster


@pytest.fixture(scope="session")
def postgresql_database(postgresql: Cluster) -> str:
    """One for all tests: to make a database takes PostgreSQL longer than to empty one."""
    url = postgresql.new_database()
    Directory.open(url).close()
    return url


def empty(url: str) -> None:
    rows = {
        organisation: {"id": 1, "name": "", "postmaster": "", "external_recipients_allowed": False},
        revision: {"id": 1, "version": 1, "heads": 1, "mailboxes": 1},
    }
    with Directory.open(url) as directory, directory._database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
        for table, row in rows.items():
            connection.execute(insert(table).values(row))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "directory.db"
    Directory.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a single table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/directory.db"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of today's shape, with nothing in it."""
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql_database")
        empty(database)
        return str(database)
    shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "directory.db")
    return f"sqlite:///{tmp_path}/directory.db"


@pytest.fixture
def directory(url: str) -> Iterator[Directory]:
    with Directory.open(url) as opened:
        opened.add_accepted_domain("kairan.test")
        yield opened


@pytest.fixture
def people(directory: Directory) -> Callable[..., None]:
    """people("ann", "bob") adds their mailboxes at kairan.test."""

    def add(*locals_: str) -> None:
        for local in locals_:
            directory.add_mailbox(f"{local}@kairan.test")

    return add
