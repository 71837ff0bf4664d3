"""The database's file."""

import stat

import pytest
from sqlalchemy import select

from kairan.directory.database import schema
from kairan.directory.database.database import Database, insert_rows, one_of
from kairan.directory.store import Directory


def test_the_file_with_the_hashes_is_its_owners(tmp_path):
    path = tmp_path / "directory.db"
    with Directory.open(f"sqlite:///{path}") as directory:
        directory.add_accepted_domain("kairan.test")
        for file in tmp_path.iterdir():  # with the WAL beside it
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_text_with_nul_is_none_of_a_thousand_others(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path / 'directory.db'}") as directory:
        directory.add_accepted_domain("kairan.test")
    database = Database(f"sqlite:///{tmp_path / 'directory.db'}")
    column = schema.accepted_domain.c.domain
    texts = ["kairan.test\0more", "大阪.example", *map(str, range(998))]
    with database.reading() as connection:
        asked = [
            select(column).where(one_of(connection, column, texts + more))
            for more in ([], ["kairan.test"])
        ]
        found = [connection.execute(one).scalars().all() for one in asked]
    assert found == [[], ["kairan.test"]]


@pytest.mark.parametrize("turn", [1, -1])
def test_rows_are_written_by_name_in_whatever_order_they_name_their_columns(empty_url, turn):
    table = schema.scim_resource
    row = {column.name: column.name for column in table.columns} | {"created": 1, "modified": 2}
    with Directory.open(empty_url) as directory:
        with directory._database.writing() as connection:
            insert_rows(connection, table, [dict(list(row.items())[::turn])])
        with directory.reading() as connection:
            assert dict(connection.execute(select(table)).mappings().one()) == row
