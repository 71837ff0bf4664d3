"""Which octets are one whole request, and that all others are left to h11."""

import pytest

from kairan.web.whole_request import whole_request

HEAD_MAX = 8_192
PLAIN = b"POST /v1/messages?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nX-A:  b \t\r\n\r\nbody"


def test_a_plain_request_is_cut_as_it_stands():
    found = whole_request(PLAIN, HEAD_MAX)
    assert found == (
        b"/v1/messages",
        b"a=b",
        [(b"host", b"x"), (b"content-length", b"4"), (b"x-a", b"b")],
        b"body",
    )


@pytest.mark.parametrize("end", range(len(PLAIN)))
def test_a_part_of_one_is_none(end):
    assert whole_request(PLAIN[:end], HEAD_MAX) is None


HOST = b"Host: x\r\n"
LENGTH = b"Content-Length: 4\r\n"


def request(fields, *, line=b"POST /v1/messages HTTP/1.1", body=b"body"):
    return line + b"\r\n" + fields + b"\r\n" + body


@pytest.mark.parametrize("octets", [
    pytest.param(PLAIN + b"POST ", id="what follows"),
    pytest.param(PLAIN + PLAIN, id="two"),
    pytest.param(request(HOST + LENGTH, body=b"bod"), id="too short"),
    pytest.param(request(HOST + LENGTH + b"Content-Length: 4\r\n"), id="two lengths"),
    pytest.param(request(HOST + b"Content-Length: 4, 4\r\n"), id="a list of lengths"),
    pytest.param(request(HOST + b"Content-Length: +4\r\n"), id="a length with a sign"),
    pytest.param(request(HOST + b"Content-Length: 0x4\r\n"), id="a length in hex"),
    pytest.param(request(HOST + b"Content-Length: \xb2\r\n", body=b"xx"), id="a digit that is none"),
    pytest.param(request(HOST + b"Content-Length: 0000000004\r\n"), id="a length too long"),
    pytest.param(request(HOST), id="no length"),
    pytest.param(request(LENGTH), id="no host"),
    pytest.param(request(HOST + HOST + LENGTH), id="two hosts"),
    pytest.param(request(HOST + LENGTH + b"Transfer-Encoding: chunked\r\n"), id="chunked"),
    pytest.param(request(HOST + LENGTH + b"transfer-encoding:identity\r\n"), id="identity"),
    pytest.param(request(HOST + LENGTH + b"Transfer-Encoding : chunked\r\n"), id="a blank before the colon"),
    pytest.param(request(HOST + LENGTH + b"X: a\r\n b\r\n"), id="folded"),
    pytest.param(request(HOST + LENGTH + b" X: a\r\n"), id="a blank in front"),
    pytest.param(request(HOST + b"Content-Length: 4\n"), id="a bare LF"),
    pytest.param(request(HOST + LENGTH + b"X: a\rb\r\n"), id="a bare CR"),
    pytest.param(request(HOST + LENGTH + b"X: a\0\r\n"), id="a NUL"),
    pytest.param(request(HOST + LENGTH + b"X: \xe5\r\n"), id="beyond ASCII"),
    pytest.param(request(HOST + LENGTH + b": a\r\n"), id="no name"),
    pytest.param(request(HOST + LENGTH + b"no colon\r\n"), id="no colon"),
    pytest.param(request(HOST + LENGTH + b"Expect: 100-continue\r\n"), id="expect"),
    pytest.param(request(HOST + LENGTH + b"Connection: close\r\n"), id="close"),
    pytest.param(request(HOST + LENGTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), id="upgrade"),
    pytest.param(request(HOST + LENGTH + b"X: a\r\n" * 40), id="too many fields"),
    pytest.param(request(HOST + LENGTH + b"X: " + b"a" * HEAD_MAX + b"\r\n"), id="a head too long"),
    pytest.param(request(HOST + LENGTH, line=b"POST /v1/messages HTTP/1.0"), id="HTTP/1.0"),
    pytest.param(request(HOST + LENGTH, line=b"GET /v1/messages HTTP/1.1"), id="GET"),
    pytest.param(request(HOST + LENGTH, line=b"POST  /v1/messages HTTP/1.1"), id="two blanks"),
    pytest.param(request(HOST + LENGTH, line=b"POST http://x/v1/messages HTTP/1.1"), id="absolute"),
    pytest.param(request(HOST + LENGTH, line=b"POST /v1/mess%61ges HTTP/1.1"), id="coded"),
    pytest.param(request(HOST + LENGTH, line=b"POST /v1/messages#x HTTP/1.1"), id="a fragment"),
    pytest.param(b"\r\n" + PLAIN, id="a blank line in front"),
])  # fmt: skip
def test_what_is_not_exactly_one_plain_request_is_left_to_h11(octets):
    assert whole_request(octets, HEAD_MAX) is None


def test_a_flood_of_almost_fields_takes_its_length():
    for flood in (b"a" * 200_000, b"a:" * 100_000, b"a:b\r\n" * 50_000, b"\t" * 200_000):
        assert whole_request(b"POST / HTTP/1.1\r\n" + flood, HEAD_MAX) is None
