"""What tests of the sender share."""

import ssl
from datetime import UTC, datetime

import pytest

from kairan.runtime.certificates import make_authority, make_server_certificate


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A server's context, and the file of its authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = make_authority("test", now=datetime.now(UTC))
    server = make_server_certificate(authority, ["127.0.0.1"], now=datetime.now(UTC))
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(server.certificate_pem + server.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "ca.pem"
