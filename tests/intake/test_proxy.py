"""PROXY protocol, versions 1 and 2: whole, byte by byte, with octets behind, and garbage."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.intake.proxy import ProxyHeader, ProxyInvalid, read_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v2(command, family, body):
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def v4_body(source="192.0.2.7", tlvs=b""):
    return socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + b"\0\x01\0\x02" + tlvs


def v6_body(source="2001:db8::7"):
    ends = [socket.inet_pton(socket.AF_INET6, end) for end in (source, "::1")]
    return b"".join(ends) + b"\0\x01\0\x02"


GOOD = {
    "v1 IPv4": (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 587\r\n", "192.0.2.7"),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::7 ::1 1 587\r\n", "2001:db8::7"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", ""),
    "v1 unknown with addresses": (b"PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n", ""),
    "v1 IPv4, the ends of its range": (
        b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
        "255.255.255.255",
    ),
    "v1 the longest": (
        b"PROXY UNKNOWN %b %b 65535 65535\r\n" % ((b"ffff:" * 7 + b"ffff",) * 2),
        "",
    ),
    "v1 IPv6 in capitals": (b"PROXY TCP6 2001:DB8::7 ::1 1 587\r\n", "2001:db8::7"),
    "v1 IPv4 in IPv6": (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 1 587\r\n", "192.0.2.7"),
    "v1 IPv4 in IPv6, in digits": (b"PROXY TCP6 ::ffff:c000:207 ::1 1 587\r\n", "192.0.2.7"),
    "v2 IPv4 in IPv6": (v2(0x21, 0x21, v6_body("::ffff:192.0.2.7")), "192.0.2.7"),
    "v2 IPv4": (v2(0x21, 0x11, v4_body()), "192.0.2.7"),
    "v2 IPv6": (v2(0x21, 0x21, v6_body()), "2001:db8::7"),
    "v2 with TLVs": (v2(0x21, 0x11, v4_body(tlvs=b"\x03\0\4abcd" * 20)), "192.0.2.7"),
    "v2 local": (v2(0x20, 0x00, b""), ""),
    "v2 local with address": (v2(0x20, 0x11, v4_body()), ""),
    "v2 Unix": (v2(0x21, 0x31, b"\0" * 216), ""),
}


@pytest.mark.parametrize(("octets", "source"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("behind", [b"", b"EHLO x\r\n", b"\x16\x03\x01", SIGNATURE])
def test_the_header_ends_where_it_ends(octets, source, behind):
    assert read_proxy_header(octets + behind) == ProxyHeader(source, len(octets))


@pytest.mark.parametrize(("octets", "source"), GOOD.values(), ids=GOOD)
def test_until_it_is_whole_it_is_waited_for(octets, source):
    for end in range(1, len(octets)):
        assert read_proxy_header(octets[:end]) is None


BAD = [
    b"PROXY TCP4 2001:db8::7 ::1 1 587\r\n",
    b"PROXY TCP6 192.0.2.7 10.0.0.1 1 587\r\n",
    b"PROXY TCP4 192.0.2.7 ::1 1 587\r\n",
    b"PROXY TCP4 192.0.2.7 example.test 1 587\r\n",
    b"PROXY TCP4 192.0.2.07 10.0.0.1 1 587\r\n",
    b"PROXY TCP4 192.0.2.256 10.0.0.1 1 587\r\n",
    b"PROXY TCP4 192.0.2 10.0.0.1 1 587\r\n",
    b"PROXY TCP4 192.0.2.7.1 10.0.0.1 1 587\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 587\r\n",
    b"PROXY TCP6 2001:db8:::7 ::1 1 587\r\n",
    b"PROXY TCP6 [2001:db8::7] ::1 1 587\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 587\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 01 587\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 -1 587\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 +1 587\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 1 \r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 1 587 \r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 \xd9\xa1 587\r\n",
    b"PROXY TCP4  192.0.2.7 10.0.0.1 1 587\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"EHLO x\r\n",
    b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
    b"PROXY TCP4 example.test 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 1.2.3.4\n 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 \xff 1.2.3.4 1 2\r\n",
    b"PROXY  UNKNOWN\r\n",
    b"PROXY\r\n",
    b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    b"PROXY TCP4 " + b"1" * 120,
    b"PROXY " + b"x" * 107 + b"\r\n",
    v2(0x11, 0x11, v4_body()),
    v2(0x22, 0x11, v4_body()),
    v2(0x21, 0x11, v4_body()[:11]),
    v2(0x21, 0x21, v4_body()),
    v2(0x21, 0x11, b"\0" * 2_000),
    SIGNATURE[:-1] + b"\r" + b"\x21\x11\0\x0c" + v4_body(),
    b"\0",
    b"\x16\x03\x01",
]


@pytest.mark.parametrize("octets", BAD, ids=lambda o: repr(o)[:40])
def test_anything_else_is_refused(octets):
    with pytest.raises(ProxyInvalid):
        read_proxy_header(octets)


PARTS = st.sampled_from([b"PROXY ", b"TCP4 ", b"1.2.3.4 ", b"1 ", b"\r\n", SIGNATURE, b"\x21\x11"])


@given(st.lists(PARTS | st.binary(max_size=4), max_size=10).map(b"".join))
def test_any_octets_are_a_header_an_error_or_waited_for(octets):
    try:
        header = read_proxy_header(octets or b"x")
    except ProxyInvalid:
        return
    if header is None:
        assert len(octets) < 1_040
    else:
        assert header.length <= len(octets)
