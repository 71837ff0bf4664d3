"""Octets that arrive at once and the same octets in pieces, which h11 reads, are answered alike."""

import base64
import json
import socket

import pytest

from kit.live import PASSWORD, PRINTER, USER

LOGIN = base64.b64encode(f"{PRINTER}:{PASSWORD}".encode())


def request(marker, *fields, body=None, line=b"POST /v1/messages HTTP/1.1"):
    if body is None:
        document = {"from": PRINTER, "to": [USER], "subject": marker, "text": "Hello."}
        body = json.dumps(document).encode()
    head = [
        line,
        b"Host: localhost",
        b"Authorization: Basic " + LOGIN,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *fields,
    ]
    return b"\r\n".join([*head, b"", b""]) + body


def ask(api, *pieces, answers=1):
    """Status and body of each answer."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = client.makefile("rb")
        for piece in pieces:
            client.sendall(piece)
        return [answer(reader) for _ in range(answers)]


def answer(reader):
    status = reader.readline()
    if not status:
        return None
    fields = {}
    while (line := reader.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    return int(status.split()[1]), fields, reader.read(int(fields.get(b"content-length", 0)))


def in_pieces(octets):
    """Cut in its head, so that h11 has it."""
    return octets[:20], octets[20:]


CASES = {
    "a message": request("whole-5501"),
    "no login": request("x").replace(b"Basic ", b"Nothing "),
    "a wrong password": request("x").replace(LOGIN, base64.b64encode(b"printer@x.test:no")),
    "no JSON": request("x", body=b"{"),
    "an unknown field": request("x", body=b'{"from": 1, "of": 2}'),
    "another type": request("x").replace(b"application/json", b"text/plain"),
    "a key that is too long": request("x", b"Idempotency-Key: " + b"k" * 300),
    "another path": request("x", line=b"POST /v1/nothing HTTP/1.1"),
    "close": request("whole-5502", b"Connection: close"),
    "length and chunks": request("x", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "two lengths": request("x", b"Content-Length: 3"),
}


@pytest.mark.parametrize("name", CASES)
def test_at_once_and_in_pieces_it_is_the_same(api, name):
    octets = CASES[name]
    (at_once,), (apart,) = ask(api, octets), ask(api, *in_pieces(octets))
    assert at_once[0] == apart[0]
    hidden = {b"content-length", b"date", b"location"}
    assert at_once[1].keys() - hidden == apart[1].keys() - hidden
    if at_once[1][b"content-type"] == b"application/problem+json":
        told, told_apart = (json.loads(one[2]) for one in (at_once, apart))
        # A detail may name a session.
        assert {**told, "detail": ""} == {**told_apart, "detail": ""}


def test_several_on_one_connection_are_answered_in_their_order(api):
    """At once, in pieces, and two in one piece."""
    one, two, three, four = (request(f"order-551{n}") for n in range(4))
    found = ask(api, one, *in_pieces(two), three + four, answers=4)
    assert [status for status, _, _ in found] == [202] * 4
    assert len({json.loads(body)["id"] for _, _, body in found}) == 4


def test_what_comes_before_the_answer_is_read_after_it(api):
    wrong = request("early-5520").replace(b'"Hello."', b'"Hello"}}')
    found = ask(api, request("early-5521"), request("early-5522"), wrong[:-30], answers=2)
    assert [status for status, _, _ in found] == [202, 202]


def test_by_https_at_the_same_port_it_is_the_same(api):
    """At once in one record of TLS, in pieces, and larger than a record."""
    octets = request("tls-5530")
    document = {"from": PRINTER, "to": [USER], "subject": "tls-5531", "text": "Hello.\n" * 9_000}
    with (
        socket.create_connection(("127.0.0.1", api.port), timeout=30) as plain,
        api.service.trust.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        reader = client.makefile("rb")
        for pieces in (
            [octets],
            in_pieces(octets),
            [request("x", body=json.dumps(document).encode())],
            [octets],
        ):
            for piece in pieces:
                client.sendall(piece)
            assert answer(reader)[0] == 202
