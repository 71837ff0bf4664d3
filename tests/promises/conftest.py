"""The promises run short by default and at full length with `--promises=full`."""

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("promises")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[..., int]:
    """`rounds(short=3, full=50)`: how often to repeat in this run."""
    length = request.config.getoption("--promises")

    def count(*, short: int, full: int) -> int:
        return full if length == "full" else short

    return count
