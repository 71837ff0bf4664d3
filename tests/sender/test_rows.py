"""Rows come one by one; one that cannot be read does not hide the next."""

import sqlite3

import pytest

from kairan.sender.rows import RowError, addresses_of, rows_of


def read(path, text, **how):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(rows_of(str(path), **how))


def test_csv_with_a_byte_order_mark_and_a_field_of_two_lines(tmp_path):
    text = '\ufeffemail,text\r\na@x.test,"two\nlines, one field"\r\n\r\nb@x.test,second\r\n'
    assert read(tmp_path / "r.csv", text) == [
        {"email": "a@x.test", "text": "two\nlines, one field"},
        {"email": "b@x.test", "text": "second"},
    ]


def test_a_row_with_too_few_or_too_many_columns_is_named(tmp_path):
    rows = read(tmp_path / "r.csv", "email,name\na@x.test\nb@x.test,B\nc@x.test,C,more\n")
    assert [isinstance(row, RowError) for row in rows] == [True, False, True]
    assert str(rows[0]).startswith("row 2: 1 columns")


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


def test_a_database_answers_row_by_row(tmp_path):
    path = tmp_path / "staff.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE staff (email TEXT, name TEXT)")
        database.executemany("INSERT INTO staff VALUES (?, ?)", [("a@x.test", "A"), ("b", "B")])
    rows = rows_of(f"sqlite:///{path}", "SELECT email, name FROM staff ORDER BY name")
    assert list(rows) == [{"email": "a@x.test", "name": "A"}, {"email": "b", "name": "B"}]
    with pytest.raises(RowError, match="not answered"):
        list(rows_of("nodatabase://x", "SELECT 1"))
    with pytest.raises(RowError, match="no such table"):
        list(rows_of(f"sqlite:///{path}", "SELECT 1 FROM nobody"))


def test_addresses_stand_on_lines(tmp_path):
    path = tmp_path / "to.txt"
    path.write_text("a@x.test\r\n\n  b@x.test \n")
    assert list(addresses_of(path)) == ["a@x.test", "b@x.test"]
