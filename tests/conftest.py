"""Options that pytest must know before it reads any test."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--promises",
        choices=("short", "full"),
        default="short",
        help="length of the durability promises in tests/promises (make promises: full)",
    )
