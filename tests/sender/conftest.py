"""What tests of the sender share."""

import pytest

from kit.certificates import server_certificate


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A server's context, and the file of its authority."""
    return server_certificate(tmp_path_factory.mktemp("certificates"))
