"""Devices: printers and the like, by the login that one types and by the address that it has.

Both questions are asked when a connection or a login comes, so both are look-ups in memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kairan.runtime.ip import IpNetwork, parse_ip, parse_network


@dataclass(frozen=True, slots=True)
class Device:
    """One device, or a network of them, at listeners with the role `device`."""

    name: str  # for people, and for commands
    account: str  # as which it sends
    place: str = ""  # where it stands, for who must go there
    networks: tuple[str, ...] = ()  # its addresses: who comes from there is it
    login: str = ""  # a short name for fields in which no address fits; empty: it needs none
    # Its own, Argon2id, for its login; empty: the account's password is its, too.
    password_hash: str = field(default="", repr=False)
    enabled: bool = True
    # The directory's version in which it was made or its password last set: a login rests on it.
    credential_version: int = 0

    @property
    def must_log_in(self) -> bool:
        """Where it has a login its address alone is not enough, else a revoked password were vain."""
        return bool(self.login)


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a device was last heard of; seconds since the epoch, 0: never."""

    seen: int = 0
    client: str = ""  # the address that it had then
    refused: int = 0
    refusal: str = ""  # the outcome's key


class Devices:
    """Immutable.  A network of few addresses wins over a larger one around it."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        everyone = tuple(devices)
        self._by_name: Mapping[str, Device] = {one.name: one for one in everyone}
        self._by_login: Mapping[str, Device] = {one.login: one for one in everyone if one.login}
        # By IP version and length of prefix, longest first; then by the network's first address.
        self._by_prefix: Mapping[tuple[int, int], Mapping[int, Device]] = _by_prefix(everyone)

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Device | None:
        return self._by_name.get(name)

    def by_login(self, login: str) -> Device | None:
        return self._by_login.get(login.strip().lower())

    def at(self, address: str) -> Device | None:
        """The device that stands at this address, enabled or not."""
        if not self._by_prefix:
            return None
        try:
            parsed = parse_ip(address)
        except ValueError:
            return None
        for (version, prefix), found in self._by_prefix.items():
            if version == parsed.version:
                spare = parsed.max_prefixlen - prefix
                device = found.get(int(parsed) >> spare << spare)
                if device is not None:
                    return device
        return None


def _by_prefix(devices: Iterable[Device]) -> dict[tuple[int, int], dict[int, Device]]:
    found: dict[tuple[int, int], dict[int, Device]] = {}
    for device in devices:
        for text in device.networks:
            network: IpNetwork = parse_network(text)
            place = (network.version, network.prefixlen)
            found.setdefault(place, {})[int(network.network_address)] = device
    return dict(sorted(found.items(), reverse=True))
