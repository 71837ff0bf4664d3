"""One service for all attacks that leave it as it was."""

import pytest

from kit.live import running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("service") / "k") as running:
        yield running
        assert running.process.poll() is None, "no attack may end it"
        assert "Traceback" not in "".join(running.log), "".join(running.log)[-5_000:]
