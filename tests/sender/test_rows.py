"""Rows come one by one; one that cannot be read does not hide the next."""

import sqlite3
import sys
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet

from kairan.sender.rows import DataRow, RowError, addresses_of, rows_of


def read(path, text, **how):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(rows_of(str(path), **how))


def test_csv_with_a_byte_order_mark_and_a_field_of_two_lines(tmp_path):
    text = '\ufeffemail,text\r\na@x.test,"two\nlines, one field"\r\n\r\nb@x.test,second\r\n'
    assert read(tmp_path / "r.csv", text) == [
        DataRow(2, {"email": "a@x.test", "text": "two\nlines, one field"}),
        DataRow(4, {"email": "b@x.test", "text": "second"}),
    ]


def test_a_row_with_too_few_or_too_many_columns_is_named(tmp_path):
    rows = read(tmp_path / "r.csv", "email,name\na@x.test\nb@x.test,B\nc@x.test,C,more\n")
    assert [isinstance(row, RowError) for row in rows] == [True, False, True]
    assert (rows[0].number, str(rows[0])) == (2, "1 column, the first line names 2")


def test_a_json_line_that_is_none_is_named(tmp_path):
    rows = read(tmp_path / "r.jsonl", '{"email": "a@x.test"}\n[1]\n{"email"\n\n{"email": "b"}\n')
    assert [isinstance(row, RowError) for row in rows] == [False, True, True, False]


def test_what_is_not_utf8_says_so(tmp_path):
    with pytest.raises(RowError, match="UTF-8"):
        read(tmp_path / "r.csv", "email\nj\xf6rg@x.test\n".encode("latin-1"))


def test_an_unending_quotation_says_so(tmp_path):
    with pytest.raises(RowError, match="line"):
        read(tmp_path / "r.csv", 'email\n"a@x.test\n')


def test_another_kind_of_file_says_what_may_be_read(tmp_path):
    with pytest.raises(RowError, match="jsonl"):
        read(tmp_path / "r.xlsx", "")


def parquet_file(path, rows, **how):
    parquet.write_table(pa.Table.from_pylist(rows), path, **how)
    return path


def test_parquet_has_values_of_their_own_kinds(tmp_path):
    rows = [
        {"email": "a@x.test", "day": date(2026, 11, 26), "pay": Decimal("1234.50"), "tags": ["x"]},
        {"email": None, "day": None, "pay": None, "tags": []},
    ]
    path = parquet_file(tmp_path / "r.parquet", rows)
    assert list(rows_of(str(path))) == [DataRow(1, rows[0]), DataRow(2, rows[1])]


def test_parquet_rows_are_numbered_through_all_groups(tmp_path):
    rows = [{"email": f"u{n}@x.test"} for n in range(1, 2_501)]
    path = parquet_file(tmp_path / "r.PARQUET", rows, row_group_size=700)
    assert [row.number for row in rows_of(str(path))] == list(range(1, 2_501))


@pytest.mark.parametrize("keep", [0, 3, 200, -10])
def test_parquet_that_is_none_or_is_cut_says_so(tmp_path, keep):
    path = parquet_file(tmp_path / "r.parquet", [{"email": "a@x.test"}] * 100)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RowError, match=r"r\.parquet"):
        list(rows_of(str(path)))


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RowError, match=r"kairan\[parquet\]"):
        list(rows_of(str(tmp_path / "r.parquet")))


def test_a_database_answers_row_by_row(tmp_path):
    path = tmp_path / "staff.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE staff (email TEXT, name TEXT)")
        database.executemany("INSERT INTO staff VALUES (?, ?)", [("a@x.test", "A"), ("b", "B")])
    rows = rows_of(f"sqlite:///{path}", "SELECT email, name FROM staff ORDER BY name")
    assert list(rows) == [
        DataRow(1, {"email": "a@x.test", "name": "A"}),
        DataRow(2, {"email": "b", "name": "B"}),
    ]
    with pytest.raises(RowError, match="not answered"):
        list(rows_of("nodatabase://x", "SELECT 1"))
    with pytest.raises(RowError, match="no such table"):
        list(rows_of(f"sqlite:///{path}", "SELECT 1 FROM nobody"))


def test_addresses_stand_on_lines(tmp_path):
    path = tmp_path / "to.txt"
    path.write_text("a@x.test\r\n\n  b@x.test \n")
    assert list(addresses_of(path)) == ["a@x.test", "b@x.test"]
