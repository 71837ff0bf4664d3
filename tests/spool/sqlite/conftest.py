"""Tests of this folder are about SQLite alone."""

from pathlib import Path

import pytest

from tests.spool.conftest import SqliteStorage, Storage


@pytest.fixture
def storage(directory: Path) -> Storage:
    return SqliteStorage(directory)
