"""TLS without sockets: handshake, cutting, closing, and what is refused."""

import ssl
from datetime import UTC, datetime

import pytest

from kairan.runtime.certificates import make_authority, make_server_certificate
from kairan.runtime.tls import Decrypted, Suites, TlsChannel, TlsFailed, server_context


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("tls")
    authority = make_authority("Test authority", now=datetime.now(UTC))
    server = make_server_certificate(authority, ["mail.kairan.test"], now=datetime.now(UTC))
    (place / "ca.pem").write_bytes(authority.certificate_pem)
    (place / "server.pem").write_bytes(server.certificate_pem)
    (place / "server.key").write_bytes(server.key_pem)
    old = make_server_certificate(
        authority, ["mail.kairan.test"], now=datetime.now(UTC), with_rsa=True
    )
    (place / "rsa.pem").write_bytes(old.certificate_pem)
    (place / "rsa.key").write_bytes(old.key_pem)
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


def test_nothing_behind_close_notify_counts_however_much_comes_at_once(files):
    client, server = channels(files)
    exchange(client, server)
    client.send(b"x" * 100_000)
    client.close()
    came = server.receive(client.take_output() + b"y" * 200_000)
    assert came == Decrypted(b"x" * 100_000, closed=True)


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
    client, server = channels(files, version=ssl.TLSVersion.TLSv1_1, suites=Suites.LEGACY)
    exchange(client, server)
    assert server.version == "TLSv1.1"


def test_closing_before_the_handshake_says_nothing(files):
    _, server = channels(files)
    server.close()
    assert server.take_output() == b""


# Suites and kinds of certificate.


def agreed(files, offered: str, **options) -> str:
    """The suite of TLS 1.2 that a client gets which offers these; empty: none."""
    trust = ssl.create_default_context(cafile=str(files / "ca.pem"))
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    trust.set_ciphers(f"{offered}:@SECLEVEL=0")
    rsa = str(files / "rsa.pem"), str(files / "rsa.key")
    server = TlsChannel(context(files, rsa=rsa, **options), server_side=True)
    client = TlsChannel(trust, server_side=False, name="mail.kairan.test")
    client.start()
    try:
        exchange(client, server)
    except TlsFailed:
        return ""
    return client.cipher


CBC = ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA", "AES128-SHA", "ECDHE+AES+CBC:kRSA"]


@pytest.mark.parametrize("offered", [*CBC, "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"])
def test_modern_suites_have_forward_secrecy_and_no_cbc(files, offered):
    if offered == "ECDHE+AES+CBC:kRSA":
        offered = "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:AES256-SHA"
    assert not agreed(files, offered, suites=Suites.MODERN)


def test_usual_suites_have_cbc_for_older_clients(files):
    assert agreed(files, CBC[0], suites=Suites.USUAL) == CBC[0]


@pytest.mark.parametrize("suites", Suites)
def test_who_knows_both_gets_ecdsa_and_who_knows_rsa_alone_gets_that(files, suites):
    rsa, both = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert agreed(files, rsa, suites=suites) == rsa
    assert agreed(files, f"{rsa}:{both}", suites=suites) == both
