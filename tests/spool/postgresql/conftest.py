"""Tests of this folder are about PostgreSQL alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spool.conftest import PostgresqlStorage, Storage


@pytest.fixture
def storage(postgresql_url: str, tmp_path: Path) -> Iterator[Storage]:
    found = PostgresqlStorage(postgresql_url, tmp_path)
    yield found
    found.close()
