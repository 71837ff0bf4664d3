"""Our own authority and what it signs, as clients see it: by a handshake in memory."""

import ssl
import stat
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kairan.runtime.certificates import make_authority, make_server_certificate, write_private

NOW = datetime.now(UTC)
AUTHORITY = make_authority("Kairan authority of a very long name " + "x" * 100, now=NOW)
NAMES = ["mail.example.com", "localhost", "127.0.0.1"]


def shake_hands(folder, name: str, authority=AUTHORITY) -> None:
    """A client that trusts `authority` and wants to talk to `name`."""
    server = make_server_certificate(AUTHORITY, NAMES, now=NOW)
    (folder / "server.pem").write_bytes(server.certificate_pem)
    (folder / "server.key").write_bytes(server.key_pem)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / "server.pem", folder / "server.key")
    theirs = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        theirs.wrap_bio(to_client, to_server, server_hostname=name),
        ours.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path, name):
    shake_hands(tmp_path, name)


def test_a_client_refuses_it_for_another_name(tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname mismatch"):
        shake_hands(tmp_path, "other.example.com")


def test_a_client_that_trusts_another_authority_refuses_it(tmp_path):
    other = make_authority("other", now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, "localhost", authority=other)


def test_it_is_valid_for_a_clock_that_is_a_few_hours_late():
    assert (NOW - AUTHORITY.certificate.not_valid_before_utc).total_seconds() >= 86_000


def test_the_keys_are_of_the_cheap_kind():
    assert isinstance(AUTHORITY.key.curve, ec.SECP256R1)


def test_a_private_file_is_its_owners_alone_and_never_replaces_another(tmp_path):
    path = tmp_path / "key"
    write_private(path, b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_private(path, b"other")
