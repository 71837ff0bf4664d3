"""A service with every kind of listener, for what leaves it as it was."""

import pytest

from kit.live import running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("intake") / "k") as running:
        yield running
        assert "Traceback" not in "".join(running.log)
