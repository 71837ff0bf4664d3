"""Tests of this folder are about SQLite alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spool.conftest import SqliteStorage, Storage


@pytest.fixture
def storage(directory: Path) -> Iterator[Storage]:
    yield SqliteStorage(directory)
