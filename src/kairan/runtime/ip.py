"""IP addresses and networks in one notation, whichever way they came to us.

A socket that listens on `::` calls an IPv4 client ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2), a
balancer may do so too, and an operator may write a network like that.  Rules, limits and records
must not take it for another client than 192.0.2.1.
"""

import ipaddress
from typing import TypeAlias

from kairan.runtime.kept import kept

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def parse_ip(text: str) -> IpAddress:
    """IPv4 inside IPv6 is IPv4; a zone (`%eth0`) means nothing to rules.  Raises ValueError."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


# Of the same clients again and again; 64 characters hold any address with its zone.
@kept(octets=128 * 1024, key_octets=64)
def plain_ip(text: str) -> str:
    return str(parse_ip(text))


def parse_network(text: str) -> IpNetwork:
    """Raises ValueError, also where bits stand behind the prefix."""
    network = ipaddress.ip_network(text)
    if not isinstance(network, ipaddress.IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    low = ipaddress.IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
    return ipaddress.IPv4Network((low, network.prefixlen - _MAPPED.prefixlen))
