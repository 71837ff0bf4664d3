"""What is not SMTP at all: TLS, RDP, HTTP, noise, invalid UTF-8."""

import random
import socket
import struct

import pytest

from kit.live import PATIENCE_SECONDS

TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2
RDP = b"\x03\x00\x00\x2b\x26\xe0\x00\x00\x00\x00\x00Cookie: mstshash=hello\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
NOISE = {
    "TLS hello": TLS_HELLO,
    "RDP": RDP,
    "HTTP": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nMAIL FROM:<a@b.test>\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n" + bytes(range(32)) * 10,
    "NULs": b"\0" * 5_000 + b"\r\n",
    "invalid UTF-8": b"\xff\xfe\xc3\x28\r\n" * 15,
    "line feeds": b"\n" * 30,
    "carriage returns": b"\r" * 30_000 + b"\r\n",
    "noise": random.Random(7).randbytes(300_000),
    "noise in lines": b"\r\n".join(random.Random(n).randbytes(20) for n in range(40)),
}


@pytest.mark.parametrize("octets", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("listener", ["device", "starttls"])
def test_it_is_refused_line_by_line_then_the_session_ends(service, listener, octets):
    with service.client(listener, tls=False) as client:
        try:
            client.say(octets)
            client.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # we have been hung up on already
        for line in client.rest().splitlines():
            assert line[:1] in {b"4", b"5"}, line
    with service.client(listener, tls=False) as another:
        assert another.in_step()


@pytest.mark.parametrize("octets", NOISE.values(), ids=NOISE)
def test_at_an_implicit_tls_listener_it_gets_an_alert_or_nothing(service, octets):
    with socket.create_connection(("127.0.0.1", service.port("implicit"))) as raw:
        raw.settimeout(PATIENCE_SECONDS)
        try:
            raw.sendall(octets)
            raw.shutdown(socket.SHUT_WR)
            answer = raw.recv(4_096)
        except OSError:
            answer = b""
        assert answer[:1] in {b"", b"\x15"}


@pytest.mark.parametrize("octets", NOISE.values(), ids=NOISE)
def test_after_login_too(service, octets):
    with service.client().login() as client:
        try:
            client.say(octets)
            client.say(b"\r\n")
            answer = client.reply()
        except OSError:
            answer = ""
        assert answer[:1] in {"", "5"}


def test_a_few_slips_leave_the_session_usable(service):
    with service.client("device") as client:
        for line in (b"\xff\xfe", b"MAIL FROM:<\xff@kairan.test>", b"\0", b"NO\0OP"):
            assert client.ask(line)[0] == "5"
        assert client.send(b"Subject: after slips\r\n").startswith("250")


def test_a_connection_reset_at_any_point_leaves_nothing(service):
    session = b"EHLO x\r\nMAIL FROM:<printer@kairan.test>\r\nRCPT TO:<user001@kairan.test>\r\nDATA\r\nSubject: reset-in-the-middle\r\n\r\nx\r\n"
    for cut in range(0, len(session), 7):
        with service.client("device") as client:
            client.say(session[:cut])
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    service.wait_empty()
    assert not [m for m in service.messages() if b"reset-in-the-middle" in m]
