"""A server's certificate for 127.0.0.1, and the authority that its clients are to trust."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from kairan.runtime.certificates import make_authority, make_server_certificate


def server_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The server's context, and the file of its authority."""
    authority = make_authority("test", now=datetime.now(UTC))
    server = make_server_certificate(authority, ["127.0.0.1"], now=datetime.now(UTC))
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(server.certificate_pem + server.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, ca_file
