from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from kairan.config.errors import ConfigError
from kairan.config.installation import Installation, install
from kairan.config.read import load
from kairan.directory.database.schema import metadata
from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.store import Directory


def test_an_empty_database_gets_exactly_the_tables_of_the_schema(empty_url):
    with Directory.open(empty_url) as directory, directory.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert directory.accounts() == []


def test_workers_that_start_together_create_the_tables_once(empty_url):
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(Directory.open, [empty_url] * 4))
    opened[0].add_accepted_domain("kairan.test")
    assert [directory.accepted_domains() for directory in opened] == [["kairan.test"]] * 4
    for directory in opened:
        directory.close()


def test_without_leave_to_migrate_an_empty_database_stays_empty(empty_url):
    with pytest.raises(DirectoryError, match="run `kairan init`"):
        Directory.open(empty_url, migrate=False)
    with Directory.open(empty_url) as directory, directory.reading() as connection:
        assert "account" in inspect(connection).get_table_names()
    Directory.open(empty_url, migrate=False).close()


def test_a_database_of_a_newer_version_is_left_alone(empty_url):
    with Directory.open(empty_url) as directory, directory._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DirectoryError, match=r"newer version of Kairan \(shape 9999\); install"):
        Directory.open(empty_url)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("directory.db", "not a directory URL; write sqlite:///PATH"),
        ("mysql://u:hidden@h/d", r"not a directory URL; write sqlite:///PATH"),
        ("sqlite://", "needs a file that all workers share"),
        ("sqlite:////nowhere/at/all.db", "folder /nowhere/at of the directory does not exist"),
        ("postgresql://u:hidden@127.0.0.1:1/d", "check directory.url .* that the database runs"),
    ],
)
def test_a_wrong_url_says_what_to_write_and_shows_no_password(wrong, sentence):
    with pytest.raises(DirectoryError, match=sentence) as raised:
        Directory.open(wrong)
    assert "hidden" not in str(raised.value)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    (tmp_path / "notes.txt").write_text("buy milk\n" * 100)
    with pytest.raises(DirectoryUnavailableError, match="file is not a database"):
        Directory.open(f"sqlite:///{tmp_path}/notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "buy milk\n" * 100


def test_an_installation_begins_in_an_empty_database_and_in_no_other(empty_url, tmp_path):
    plan = Installation(tmp_path / "k", "mail.kairan.test", "kairan.test", directory_url=empty_url)
    settings = install(plan, now=datetime.now(UTC))
    with Directory.open(load(settings).directory_url) as directory:
        assert directory.accepted_domains() == ["kairan.test"]
    again = replace(plan, place=tmp_path / "again")
    with pytest.raises(ConfigError, match="the database holds a directory already"):
        install(again, now=datetime.now(UTC))
    assert not again.place.exists()
