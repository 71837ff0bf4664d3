"""Which addresses mail by MX may be taken to, and webhooks: the Internet's, and what the operator allows
besides.

The records of a recipient's domain are written by strangers, and may name this machine, a server
on the inside, or a cloud's metadata service.  Hence the address that is dialled is judged, after
all names are resolved; a name may mean another address at each lookup.

The networks are those of the IANA's special-purpose registries (RFC 6890), as a list of our own:
the answers of `ipaddress.is_global` differ between releases of Python.
"""

import ipaddress
import socket
from dataclasses import dataclass

from kairan.runtime.ip import IpAddress, IpNetwork

_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host: Linux connects to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' NAT; some clouds keep their metadata here
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata
        "192.0.2.0/24",  # documentation, as the two below
        "192.88.99.0/24",  # the former 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# IPv6 is given out from one block; all else is loopback, unique local, link-local, multicast or
# nobody's.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them: no mail server is there
        "2001:db8::/32",  # documentation
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: where only IPv6 is spoken
_6TO4 = ipaddress.IPv6Network("2002::/16")

# Documentation, so of no machine: where even this can be bound, binding says nothing about whose it is.
_NOBODYS = {
    socket.AF_INET: "192.0.2.1",
    socket.AF_INET6: "2001:db8::1",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """The Internet, and `allowed` networks besides."""

    allowed: tuple[IpNetwork, ...] = ()

    def admits(self, address: str) -> bool:
        """Whether it may be dialled.  Asks the kernel whether the address is this machine's."""
        if self.is_allowed(address):
            return True
        parsed = _embedded(ipaddress.ip_address(address))
        return is_public(parsed) and not _is_own(parsed)

    def is_allowed(self, address: str) -> bool:
        """Whether the operator has named its network."""
        parsed = _embedded(ipaddress.ip_address(address))
        return any(parsed in network for network in self.allowed)


def is_public(address: IpAddress) -> bool:
    """Whether it is an address of the Internet."""
    address = _embedded(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _embedded(address: IpAddress) -> IpAddress:
    """The IPv4 address to which packets for an IPv6 address go in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _MAPPED or address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def _is_own(address: IpAddress) -> bool:
    """Only a machine's own addresses can be bound, but where the kernel allows any of them to be
    (ip_nonlocal_bind, of balancers); there we do not know.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return _can_be_bound(str(address), family) and not _can_be_bound(_NOBODYS[family], family)


def _can_be_bound(address: str, family: socket.AddressFamily) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
