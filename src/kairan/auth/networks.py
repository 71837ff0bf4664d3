"""From where an account or a device may log in."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from kairan.directory.devices import Device
from kairan.directory.model import Account


def may_come_from(one: Account | Device, source: str) -> bool:
    """Without networks of its own from anywhere; with some, not from what has no address."""
    if not one.networks:
        return True
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in _parsed(one.networks))


@lru_cache(maxsize=1_024)  # 1 KiB each; accounts with the same networks share one
def _parsed(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)
