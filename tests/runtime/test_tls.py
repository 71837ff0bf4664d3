"""TLS without sockets: handshake, cutting, closing, and what is refused."""

import ssl
from datetime import UTC, datetime

import pytest

from kairan.runtime.certificates import make_authority, make_server_certificate
from kairan.runtime.tls import Decrypted, TlsChannel, TlsFailed, server_context


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("tls")
    authority = make_authority("Test authority", now=datetime.now(UTC))
    server = make_server_certificate(authority, ["mail.kairan.test"], now=datetime.now(UTC))
    (place / "ca.pem").write_bytes(authority.certificate_pem)
    (place / "server.pem").write_bytes(server.certificate_pem)
    (place / "server.key").write_bytes(server.key_pem)
    return place


def context(files, **options):
    return server_context(str(files / "server.pem"), str(files / "server.key"), **options)


def channels(files, *, version=None, **options):
    trust = ssl.create_default_context(cafile=str(files / "ca.pem"))
    if version is not None:
        trust.minimum_version = trust.maximum_version = version
        if version < ssl.TLSVersion.TLSv1_2:
            trust.set_ciphers("DEFAULT:@SECLEVEL=0")
    server = TlsChannel(context(files, **options), server_side=True)
    client = TlsChannel(trust, server_side=False, name="mail.kairan.test")
    client.start()
    return client, server


def exchange(client, server, *, step=10_000):
    """To and fro until both are silent; what each has read."""
    heard = {client: b"", server: b""}
    closed = set()
    while True:
        silent = True
        for one, other in ((client, server), (server, client)):
            octets = one.take_output()
            for start in range(0, len(octets), step):
                silent = False
                decrypted = other.receive(octets[start : start + step])
                heard[other] += decrypted.plaintext
                if decrypted.closed:
                    closed.add(other)
        if silent:
            return heard[client], heard[server], closed


@pytest.mark.parametrize("step", [1, 17, 100_000])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_handshake_and_octets_in_any_cutting(files, version, step):
    client, server = channels(files, version=version)
    exchange(client, server, step=step)
    assert client.handshaken
    assert server.handshaken
    client.send(b"EHLO x\r\n" + b"y" * 100_000)
    server.send(b"250 ok\r\n")
    to_client, to_server, closed = exchange(client, server, step=step)
    assert to_client == b"250 ok\r\n"
    assert to_server == b"EHLO x\r\n" + b"y" * 100_000
    assert not closed
    assert server.version == {0x303: "TLSv1.2", 0x304: "TLSv1.3"}[version]
    assert server.cipher


def test_plaintext_behind_the_end_of_the_handshake_is_not_lost(files):
    client, server = channels(files)
    server.receive(client.take_output())
    client.receive(server.take_output())
    client.send(b"early bird\r\n")
    assert server.receive(client.take_output()) == Decrypted(b"early bird\r\n")


def test_close_notify_is_told(files):
    client, server = channels(files)
    exchange(client, server)
    client.send(b"last words")
    client.close()
    _, to_server, closed = exchange(client, server)
    assert to_server == b"last words"
    assert closed == {server}
    server.close()


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"\x16\x03\x01\x00\x05hello", b"\0" * 100])
def test_what_is_no_handshake_fails_with_a_reason(files, octets):
    _, server = channels(files)
    with pytest.raises(TlsFailed) as failure:
        server.receive(octets)
    assert str(failure.value)


def test_octets_in_the_clear_after_the_handshake_fail(files):
    client, server = channels(files)
    exchange(client, server)
    with pytest.raises(TlsFailed):
        server.receive(b"NOOP\r\nNOOP\r\nNOOP\r\n")


def test_an_unknown_authority_is_not_trusted(files):
    server = TlsChannel(context(files), server_side=True)
    stranger = TlsChannel(ssl.create_default_context(), server_side=False, name="mail.kairan.test")
    stranger.start()
    server.receive(stranger.take_output())
    with pytest.raises(TlsFailed, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.receive(server.take_output())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_tls_is_refused_unless_legacy_is_asked_for(files):
    client, server = channels(files, version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(TlsFailed):
        exchange(client, server)
    client, server = channels(files, version=ssl.TLSVersion.TLSv1_1, legacy=True)
    exchange(client, server)
    assert server.version == "TLSv1.1"


def test_closing_before_the_handshake_says_nothing(files):
    _, server = channels(files)
    server.close()
    assert server.take_output() == b""
