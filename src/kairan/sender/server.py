"""Where an application sends to, from the words it uses."""

from pathlib import Path

from kairan.relay.next_hop import NextHop, NextHopIdentity, TlsPolicy
from kairan.smtp.client.login import PasswordCredentials

SUBMISSION_PORT = 587  # RFC 6409; with STARTTLS
SUBMISSIONS_PORT = 465  # RFC 8314: TLS from the first octet


def next_hop_of(
    server: str,
    *,
    user: str = "",
    password: str = "",
    identity: NextHopIdentity | None = None,
    tls: TlsPolicy | None = None,
    ca_file: Path | str | None = None,
) -> NextHop:
    """`server`: HOST, HOST:PORT or [IPv6]:PORT.  Without `tls`: from the first octet on port 465,
    else STARTTLS, without which nothing is sent.
    """
    host, port = _host_and_port(server)
    if identity is not None and user:
        raise ValueError("either user and password, or an identity, which has its own user")
    return NextHop(
        host=host,
        port=port,
        tls=tls or (TlsPolicy.IMPLICIT if port == SUBMISSIONS_PORT else TlsPolicy.REQUIRE),
        ca_file=Path(ca_file) if ca_file is not None else None,
        credentials=PasswordCredentials(user, password) if user else None,
        identity=identity,
    )


def _host_and_port(server: str) -> tuple[str, int]:
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = server.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536)):
        raise ValueError(f"{server!r} is no HOST, HOST:PORT or [IPv6]:PORT")
    return host, int(port) if port else SUBMISSION_PORT
