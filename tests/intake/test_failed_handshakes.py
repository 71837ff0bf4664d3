"""A TLS handshake that fails leaves a line that the operator can do something with."""

import re
import socket
import ssl
import warnings

import pytest

from kairan.doctor.explain.explain import explain
from kairan.intake.failed_handshakes import outcome_of
from kit.live import wait_for


def line_of(service, rule, listener="client@"):
    """Of the service's log."""

    def found():
        return next(
            (x for x in list(service.log) if f"listener={listener}" in x and f"rule={rule} " in x),
            None,
        )

    return wait_for(found, f"a line with {rule}")


def shake_hands(service, context, name="localhost", listener="implicit"):
    with (
        socket.create_connection(("127.0.0.1", service.port(listener)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        tls.recv(1)


def old_client(service):
    context = service.trust
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


@pytest.mark.parametrize(
    ("rule", "context", "name"),
    [
        ("tls-too-old", old_client, "localhost"),
        ("tls-not-trusted", lambda _: ssl.create_default_context(), "localhost"),
        ("tls-name-mismatch", lambda service: service.trust, "mail.elsewhere.test"),
    ],
)
def test_a_failed_handshake_is_told_with_address_listener_and_reason(service, rule, context, name):
    with pytest.raises(OSError):  # ssl.SSLError is one
        shake_hands(service, context(service), name)
    line = line_of(service, rule)
    assert "client=127.0.0.1 " in line
    assert re.search(r'listener="?client@127\.0\.0\.1:\d+', line)
    # Which name was asked for OpenSSL reads after the version.
    assert rule == "tls-too-old" or re.search(rf"sni={re.escape(name)}\s", line)
    assert explain(line)[0].key == rule


@pytest.mark.parametrize("said", [b"EHLO printer\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_plain_text_on_a_tls_port_is_told(service, said):
    with socket.create_connection(("127.0.0.1", service.port("implicit")), timeout=10) as plain:
        plain.sendall(said)
        while plain.recv(100):
            pass
    assert explain(line_of(service, "tls-plain-text"))[0].key == "tls-plain-text"


def test_a_client_that_hangs_up_in_the_handshake_is_told(service):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = service.trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    with socket.create_connection(("127.0.0.1", service.port("implicit")), timeout=10) as plain:
        plain.sendall(outgoing.read())
        plain.recv(100)
    assert "hung up" in line_of(service, "tls-handshake-failed")


def test_starttls_is_watched_as_well(service):
    with socket.create_connection(("127.0.0.1", service.port("starttls")), timeout=10) as plain:
        plain.recv(500)
        plain.sendall(b"EHLO x\r\n")
        plain.recv(500)
        plain.sendall(b"STARTTLS\r\n")
        plain.recv(500)
        plain.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")  # a ClientHello of one octet
        while plain.recv(100):
            pass
    wait_for(
        lambda: [x for x in list(service.log) if "intake.tls-failed" in x and "hve@" in x] or None,
        "a line of the listener with STARTTLS",
    )


def test_what_openssl_says_anew_is_a_failure_all_the_same():
    assert outcome_of("SOMETHING_NEW").key == "tls-handshake-failed"
