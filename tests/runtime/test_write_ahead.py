import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from kairan.runtime import write_ahead
from kairan.runtime.write_ahead import use_write_ahead_log


def connected(path, **options):
    return closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, **options))


def mode(database):
    return database.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_file_that_another_holds_is_turned_as_soon_as_it_lets_go(tmp_path):
    file = tmp_path / "a.db"
    with connected(file) as other, connected(file, timeout=0) as database:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.1, other.execute, ["COMMIT"])
        release.start()
        use_write_ahead_log(database)
        release.join()
        assert mode(database) == "wal"


def test_a_file_that_stays_locked_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(write_ahead, "_WAIT_SECONDS", 0.1)
    file = tmp_path / "a.db"
    with connected(file) as other, connected(file, timeout=0) as database:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_write_ahead_log(database)


def test_a_file_that_is_no_database_is_said_to_be_none_at_once(tmp_path):
    (tmp_path / "a.db").write_bytes(b"buy milk\n" * 100)
    no_database = pytest.raises(sqlite3.DatabaseError, match="not a database")
    with connected(tmp_path / "a.db") as database, no_database:
        use_write_ahead_log(database)


def test_several_that_open_new_files_at_once_all_have_them(tmp_path):
    def opened(file):
        with connected(file, timeout=0) as database:
            use_write_ahead_log(database)
            return mode(database)

    with ThreadPoolExecutor(6) as pool:
        for number in range(200):
            file = tmp_path / f"{number}.db"
            os.close(os.open(file, os.O_CREAT | os.O_RDWR))
            assert list(pool.map(opened, [file] * 6)) == ["wal"] * 6
