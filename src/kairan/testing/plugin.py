"""High Volume Email in your test suite: fixtures of pytest, found by its entry point.

    hve           a whole service with the demo's organisation, started once for a test run (hve.py)
    hve_account   one of its accounts: `address`, `password`
    hve_token     an access token with which that account may log in, fresh for each test

pytest loads this in every test run of an environment where kairan is installed: so it imports nothing
until a test asks.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kairan.testing.hve import Hve
    from kairan.testing.service import DemoAccount

_RUNNING = pytest.StashKey["Hve"]()


@pytest.fixture(scope="session")
def hve(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Hve"]:
    """High Volume Email, as a service on this machine; nothing of it outlives the test run."""
    from kairan.testing.hve import running_hve  # noqa: PLC0415 - only for who uses it

    with running_hve(tmp_path_factory.mktemp("hve") / "demo") as running:
        request.config.stash[_RUNNING] = running
        yield running
        del request.config.stash[_RUNNING]


@pytest.fixture
def hve_account(hve: "Hve") -> "DemoAccount":
    """An account that may send, by password or token."""
    return hve.accounts[0]


@pytest.fixture
def hve_token(hve: "Hve") -> str:
    """An access token for XOAUTH2, from the service's own issuer."""
    return hve.token()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Rules of a test end with it, and what it was sent is not the next one's."""
    running = item.config.stash.get(_RUNNING, None)
    if running is not None:
        running.begin_anew()
