"""Slows guessing down, by where it comes from; never by account alone.

If failures counted against an account wherever they came from, anybody could lock a printer out.
So they count at three places, the narrowest first:

    pair      one address and one login name
    address   one address (of IPv6 a /64, which one machine has to itself), any name
    network   IPv4 /24 or IPv6 /48, for attackers who own a whole one

After some free failures a place is closed for a delay that doubles with each further failure.
A pair that has logged in before is judged by its own failures only, so that a neighbour's guessing
behind the same NAT does not shut it out.  The login name is taken as typed, known or
not: whether an account exists must not show in when a place is closed.

What happens at other workers, and at other nodes of a cluster, counts here too (failure_news.py); a place
that is no IP address is this worker's own.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from kairan.auth.failure_news import LoginNews, WorkerNews
from kairan.auth.settings import AuthSettings
from kairan.mail.address import key_of
from kairan.runtime.ip import IpAddress, parse_ip

# Strangers' names may have any length, and must not fill our memory.
_DIGEST_OCTETS = 16
_MAPPED = bytes(10) + b"\xff\xff"  # before an IPv4 address in an IPv6 one: RFC 4291 section 2.5.5.2
_Pair: TypeAlias = tuple[str, bytes]  # address and name


@dataclass(slots=True)
class _Place:
    failures: int
    last: float
    closed_until: float


class LoginAttempts:
    """`news`: from and for other workers; without it this one counts for itself."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        clock: Callable[[], float],
        news: WorkerNews | None = None,
    ) -> None:
        self._news = news
        self._pairs = _Failures(settings, settings.pair_failures_free, clock)
        self._addresses = _Failures(settings, settings.address_failures_free, clock)
        self._networks = _Failures(settings, settings.network_failures_free, clock)
        self._trusted: OrderedDict[_Pair, float] = OrderedDict()
        self._settings = settings
        self._clock = clock

    def may_try(self, source: str, name: str) -> bool:
        self._hear()
        pair = _pair(source, name)
        if not self._pairs.is_open(pair):
            return False
        if self._is_trusted(pair):
            return True
        return self._addresses.is_open(pair[0]) and self._networks.is_open(network_of(source))

    def is_familiar(self, source: str, name: str) -> bool:
        """It has logged in from there, and nothing has failed since."""
        self._hear()
        pair = _pair(source, name)
        return self._is_trusted(pair) and not self._pairs.has_failed(pair)

    def has_failed(self, source: str) -> bool:
        """Lately, somebody of its network."""
        self._hear()
        return self._networks.has_failed(network_of(source))

    def failed(self, source: str, name: str) -> None:
        pair = _pair(source, name)
        self._add(pair)
        self._tell(pair, has_failed=True)

    def succeeded(self, source: str, name: str) -> None:
        """The address keeps its failures: else one good account would let it guess the others."""
        pair = _pair(source, name)
        if self._pairs.has_failed(pair):
            self._pairs.forget(pair)
            self._tell(pair, has_failed=False)
        self._trusted[pair] = self._clock() + self._settings.trusted_seconds
        self._trusted.move_to_end(pair)
        if len(self._trusted) > self._settings.attempts_max:
            self._trusted.popitem(last=False)

    def _is_trusted(self, pair: _Pair) -> bool:
        return self._trusted.get(pair, float("-inf")) > self._clock()

    def _add(self, pair: _Pair) -> None:
        self._pairs.add(pair)
        self._addresses.add(pair[0])
        self._networks.add(network_of(pair[0]))

    def _tell(self, pair: _Pair, *, has_failed: bool) -> None:
        address = _parsed(pair[0])
        if self._news is not None and address is not None:
            self._news.tell(LoginNews(has_failed, _as_ipv6(address), pair[1]))

    def _hear(self) -> None:
        if self._news is None:
            return
        for news in self._news.heard():
            pair = (address_of(str(IPv6Address(news.address))), news.name)
            if news.has_failed:
                self._add(pair)
            else:
                self._pairs.forget(pair)


class _Failures:
    """Failures by place, the place that failed longest ago forgotten first."""

    def __init__(self, settings: AuthSettings, free: int, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._free = free
        self._clock = clock
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()

    def is_open(self, key: Hashable) -> bool:
        place = self._places.get(key)
        return place is None or place.closed_until <= self._clock()

    def has_failed(self, key: Hashable) -> bool:
        place = self._places.get(key)
        return place is not None and self._is_kept(place)

    def add(self, key: Hashable) -> None:
        now = self._clock()
        before = self._places.pop(key, None)
        failures = 1
        if before is not None and self._is_kept(before):
            failures += before.failures
        self._places[key] = _Place(failures, now, now + self._delay_seconds(failures))
        if len(self._places) > self._settings.attempts_max:
            self._places.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        self._places.pop(key, None)

    def _is_kept(self, place: _Place) -> bool:
        return self._clock() - place.last < self._settings.failures_kept_seconds

    def _delay_seconds(self, failures: int) -> float:
        beyond = failures - self._free
        if beyond < 0:
            return 0.0
        # The exponent is held down: 2.0 ** 1024 is an OverflowError.
        delay = self._settings.first_delay_seconds * 2.0 ** min(beyond, 60)
        return min(delay, self._settings.delay_seconds_max)


def network_of(source: str) -> str:
    match _parsed(source):
        case IPv4Address() as address:
            return str(IPv4Address(int(address) & ~0xFF))
        case IPv6Address() as address:
            return str(IPv6Address(int(address) >> 80 << 80))
        case None:
            return source


def _pair(source: str, name: str) -> _Pair:
    """A name is known by its digest, so that each entry has the size that is reckoned with."""
    octets = key_of(name).encode("utf-8", "surrogatepass")
    return address_of(source), blake2b(octets, digest_size=_DIGEST_OCTETS).digest()


def _as_ipv6(address: IpAddress) -> bytes:
    if isinstance(address, IPv4Address):
        return _MAPPED + address.packed
    return address.packed


def address_of(source: str) -> str:
    """What one machine has to itself: an IPv4 address, or an IPv6 /64."""
    match _parsed(source):
        case IPv4Address() as address:
            return str(address)
        case IPv6Address() as address:
            return str(IPv6Address(int(address) >> 64 << 64))
        case None:
            return source


def _parsed(source: str) -> IpAddress | None:
    """None: no IP address, such as a local socket's name; it then stands for itself."""
    try:
        return parse_ip(source)
    except ValueError:
        return None
