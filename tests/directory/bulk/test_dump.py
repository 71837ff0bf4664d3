"""The directory as lines: all of it, in either database, and nothing where a line is missing."""

import json

import pytest

from kairan.directory.bulk.dump import copy, dump, load
from kairan.directory.database.database import Database
from kairan.directory.database.migrate import newest_shape, shapes, upgrade_to
from kairan.directory.errors import DirectoryError
from kairan.directory.model import App, AppSecret
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory


def fill(directory):
    for domain in {"kairan.test", "other.test"} - set(directory.accepted_domains()):
        directory.add_accepted_domain(domain)
    directory.set_organisation(name="回覧", postmaster="ben@kairan.test")
    directory.policies.add("strict", allow_basic_auth_smtp=False)
    directory.add_mailbox("ben@kairan.test", aliases=["b@kairan.test"], attributes={"city": "神戸"})
    directory.add_account(
        "printer@kairan.test", password_hash="hash", networks=["10.0.0.0/8"], enabled=False
    )
    directory.add_group("all@kairan.test", initial_members=["ben@kairan.test"])
    app = App(
        "erp",
        client_id="client",
        object_id="object",
        permissions=frozenset({"Mail.Send"}),
        secrets=(AppSecret("a$b$c", expires=5),),
    )
    directory.apps.add(app, accounts=["printer@kairan.test"])


def lines_of(directory):
    with directory.reading() as connection:
        return list(dump(connection))


def rows_of(lines):
    """Without the counters, which go on; a database gives rows in the order it likes."""
    return sorted(line for line in lines if b'"table":"revision"' not in line)


@pytest.fixture
def other(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/other.db") as directory:
        yield directory


def test_everything_arrives_and_workers_see_that_it_is_new(directory, other):
    fill(directory)
    before = read_snapshot(other)
    with directory.reading() as connection:
        copy(connection, other._database)
    assert rows_of(lines_of(other)) == rows_of(lines_of(directory))
    after = read_snapshot(other, before)
    assert after.version > before.version
    assert after.account("printer@kairan.test") == directory.account("printer@kairan.test")
    assert after.resolve("b@kairan.test") == "ben@kairan.test"


def test_and_back(directory, other):
    fill(other)
    with other.reading() as connection:
        copy(connection, directory._database)
    assert rows_of(lines_of(directory)) == rows_of(lines_of(other))


def test_a_database_that_holds_something_is_not_taken_over(directory, other):
    fill(other)
    with pytest.raises(DirectoryError, match="holds a directory already"):
        directory.take_over(other)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: lines[:-1], "its end is missing"),
        (lambda lines: lines[:-2] + lines[-1:], "rows are missing"),
        (lambda lines: [b"{}\n", *lines[1:]], "no dump of a directory"),
        (lambda lines: [*lines[:2], b'{"table":"sqlite_master","row":{}}\n'], "that is not ours"),
        (lambda lines: [*lines[:2], b"half a li"], "does not read"),
        (lambda lines: [lines[0].replace(newest_shape().encode(), b"9999"), *lines[1:]], "newer"),
    ],
)
def test_a_dump_that_is_not_whole_changes_nothing(directory, other, spoil, said):
    fill(directory)
    lines = spoil(lines_of(directory))
    other.add_accepted_domain("kept.test")
    before = lines_of(other)
    with pytest.raises(DirectoryError, match=said):
        load(other._database, lines)
    assert lines_of(other) == before


@pytest.mark.parametrize("shape", shapes()[-4:-1])
def test_a_dump_of_an_older_shape_is_brought_up_to_date(other, tmp_path, shape):
    old = Database(f"sqlite:///{tmp_path}/old.db")
    with old.writing() as connection:
        upgrade_to(connection, shape)
        connection.exec_driver_sql("INSERT INTO accepted_domain (domain) VALUES ('old.test')")
        header = {"format": "kairan-directory", "shape": shape}
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'"
        ).scalars()
        rows = [
            {"table": name, "row": dict(row)}
            for name in tables
            for row in connection.exec_driver_sql(f"SELECT * FROM {name}").mappings()
        ]
    old.close()
    lines = [json.dumps(one).encode() + b"\n" for one in [header, *rows, {"end": len(rows)}]]
    load(other._database, lines)
    assert other.accepted_domains() == ["old.test"]
