"""PROXY protocol, versions 1 and 2: the balancer in front tells who the client is.

Believed from listed peers only, and from those it must come first (the specification's section
2); anybody else's header is just a bad command.  Source: HAProxy, proxy-protocol.txt.
"""

import ipaddress
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kairan.runtime.ip import plain_ip

_V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_OCTETS_MAX = 107  # section 2.1: the longest possible line
_V2_OCTETS_MAX = 16 + 1_024  # addresses and some TLVs; the format would allow 64 KiB
_V2_ADDRESSES = {0x11: (4, 12), 0x21: (16, 36)}  # TCP over IPv4, IPv6: octets of one, of all


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    source: str  # empty: LOCAL or UNKNOWN, the balancer's own health check
    length: int


class ProxyInvalid(Exception):  # noqa: N818 - the peer's fault
    """Not a PROXY header: nothing it says is believed (section 2)."""


def read_proxy_header(buffer: bytes) -> ProxyHeader | None:
    """The header at the start of `buffer`, or None while it is not whole."""
    if buffer.startswith(_V2_SIGNATURE[: len(buffer)]):
        return _read_v2(buffer)
    if buffer.startswith(b"PROXY "[: len(buffer)]):
        return _read_v1(buffer)
    raise ProxyInvalid("no PROXY signature")


def _read_v1(buffer: bytes) -> ProxyHeader | None:
    end = buffer.find(b"\r\n", 0, _V1_OCTETS_MAX)
    if end < 0:
        if len(buffer) >= _V1_OCTETS_MAX:
            raise ProxyInvalid("version 1 line without end")
        return None
    words = buffer[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return ProxyHeader("", end + 2)  # section 2.1: whatever stands behind it is ignored
    read = _V1_ADDRESS.get(words[1]) if len(words) == 6 else None
    if read is None:
        raise ProxyInvalid("version 1 line malformed")
    source, _ = read(words[2]), read(words[3])
    for port in words[4:]:
        if not _PORT.fullmatch(port) or int(port) > 65_535:
            raise ProxyInvalid("version 1 port malformed")
    return ProxyHeader(source, end + 2)


def _read_v2(buffer: bytes) -> ProxyHeader | None:
    if len(buffer) < 16:
        return None
    command, family, length = struct.unpack_from("!BBH", buffer, 12)
    if command not in {0x20, 0x21} or 16 + length > _V2_OCTETS_MAX:
        raise ProxyInvalid("version 2 header malformed")
    if len(buffer) < 16 + length:
        return None
    if command == 0x20 or family not in _V2_ADDRESSES:  # LOCAL, or not TCP
        return ProxyHeader("", 16 + length)
    octets, needed = _V2_ADDRESSES[family]
    if length < needed:
        raise ProxyInvalid("version 2 addresses cut short")
    return ProxyHeader(_of_octets(buffer[16 : 16 + octets]), 16 + length)


def _of_octets(octets: bytes) -> str:
    return plain_ip(str(ipaddress.ip_address(octets)))


def _ipv4(word: bytes) -> str:
    """Section 2.1: four decimal numbers from 0 to 255 without leading zeroes, which some read as
    octal.
    """
    if not _IPV4.fullmatch(word):
        raise ProxyInvalid("version 1 IPv4 address malformed")
    return word.decode()


def _ipv6(word: bytes) -> str:
    """Hexadecimal digits and colons, no zone; of IPv4 within, what inet_ntop(3) writes."""
    if not _IPV6_OCTETS.fullmatch(word):
        raise ProxyInvalid("version 1 IPv6 address malformed")
    try:
        return plain_ip(str(ipaddress.IPv6Address(word.decode())))
    except ValueError as error:
        raise ProxyInvalid("version 1 IPv6 address malformed") from error


_NUMBER = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rb"%b(?:\.%b){3}" % (_NUMBER, _NUMBER))
_IPV6_OCTETS = re.compile(rb"[0-9A-Fa-f:.]{2,45}")
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_V1_ADDRESS: Mapping[bytes, Callable[[bytes], str]] = {b"TCP4": _ipv4, b"TCP6": _ipv6}
