"""Options that pytest must know before it reads any test, and what no test may do to the others."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from peers.postgresql import Cluster, cluster

# Timings belong to the benchmark: a busy machine must not fail a property that holds.
settings.register_profile("facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facts")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--promises",
        choices=("short", "full"),
        default="short",
        help="length of the durability promises in tests/promises (make promises: full)",
    )
    parser.addoption(
        "--faults",
        type=int,
        default=0,
        metavar="N",
        help="how many strike the cluster of tests/cluster; 0: it is not made (make cluster: 10)",
    )


@pytest.fixture(scope="session", autouse=True)
def _logs_of_their_own() -> Iterator[None]:
    """A command that runs in this process must not set up the log of all tests behind it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kairan.runtime.logs.set_up", lambda **_: None)
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """One server for all tests of a run; each takes databases of its own."""
    with cluster() as running:
        yield running
