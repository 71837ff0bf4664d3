"""Routes: which destination an address has, and the transport of each destination.

Rules are tried in order; the first that matches decides.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate

from kairan.delivery.settings import RouteSettings
from kairan.delivery.transport import Transport
from kairan.delivery.transports.table import kind_of
from kairan.mail.address import domain_of, key_of

_NOT_IN_DOMAINS = frozenset("@/: ")
_NOWHERE = 1 << 30  # an index behind every rule


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is what a job carries on disk: the rule's pattern, so that a rule whose destination
    was changed takes its waiting jobs along, and a rule that is gone lets them be routed anew.
    """

    name: str
    destination: str
    queue: str  # the first route to the same destination, whose sessions all of them share
    is_final: bool  # as the table of transports has them
    by_domain: bool


def _route(rule: RouteSettings, queues: dict[str, str]) -> Route:
    kind = kind_of(rule.to)
    queue = queues.setdefault(rule.to, rule.pattern)
    return Route(rule.pattern, rule.to, queue, kind.is_final, kind.by_domain)


class Router:
    """Exact addresses, domains and `*.domain` cost a lookup each, however many rules there are;
    only patterns of addresses are tried one by one.
    """

    def __init__(self, routes: Sequence[RouteSettings]) -> None:
        queues: dict[str, str] = {}
        self._routes = [_route(rule, queues) for rule in routes]
        self._by_name: dict[str, Route] = {}
        self._exact: dict[str, int] = {}  # addresses and domains
        self._parents: dict[str, int] = {}  # of "*.domain": the domain
        self._patterns: list[tuple[int, Callable[[str], object]]] = []
        self._everything = _NOWHERE
        for index, route in enumerate(self._routes):
            self._by_name.setdefault(route.name, route)
            self._file(index, key_of(route.name))

    def _file(self, index: int, pattern: str) -> None:
        if pattern == "*":
            self._everything = min(self._everything, index)
        elif "@" in pattern and "*" in pattern:
            self._patterns.append((index, re.compile(translate(pattern)).match))
        elif pattern.startswith("*."):
            self._parents.setdefault(pattern[2:], index)
        else:
            self._exact.setdefault(pattern, index)

    def route(self, address: str) -> Route | None:
        key = key_of(address)
        domain = domain_of(address)  # type: ignore[arg-type]
        best = min(self._everything, self._exact.get(key, _NOWHERE))
        best = min(best, self._exact.get(domain, _NOWHERE))
        if self._parents:
            best = min(best, self._parent(domain))
        for index, matches in self._patterns:
            if index > best:
                break
            if matches(key):
                best = index
        return None if best == _NOWHERE else self._routes[best]

    def _parent(self, domain: str) -> int:
        """The earliest `*.domain` above: it does not match the domain itself."""
        best = _NOWHERE
        while "." in domain:
            domain = domain.partition(".")[2]
            best = min(best, self._parents.get(domain, _NOWHERE))
        return best

    def destination_queues(self, name: str) -> list[str]:
        """The destination queues that an operator means by `name`: a route's `to`, a queue as
        statistics show it, or a domain that is reached by MX.
        """
        found = [route.queue for route in self._routes if name in {route.destination, route.queue}]
        is_domain = not _NOT_IN_DOMAINS.intersection(name)
        by_mx = self.route(f"postmaster@{name}") if is_domain else None
        if not found and by_mx is not None and by_mx.by_domain:
            found = [f"{by_mx.queue} {key_of(name)}"]
        return list(dict.fromkeys(found))

    @property
    def goes_by_domain(self) -> bool:
        """No rule is about single addresses: whoever shares a domain shares the route."""
        return not self._patterns and not any("@" in pattern for pattern in self._exact)

    @property
    def routes(self) -> Sequence[Route]:
        return self._routes

    def named(self, name: str) -> Route | None:
        return self._by_name.get(name)


class Transports:
    """The router, and one transport for each destination: routes that share a destination share its
    transport, and with it the sessions.
    """

    def __init__(
        self, routes: Sequence[RouteSettings], transport: Callable[[str], Transport]
    ) -> None:
        self.router = Router(routes)
        destinations = {route.destination for route in self.router.routes}
        self._transports = {destination: transport(destination) for destination in destinations}

    @property
    def has_choice(self) -> bool:
        """Several next hops are possible: one may be slow while others are not."""
        routes = self.router.routes
        return len(routes) > 1 or any(route.by_domain for route in routes)

    def of(self, route: Route) -> Transport:
        return self._transports[route.destination]

    def recipients_max(self, route: Route) -> int:
        return self.of(route).recipients_max

    async def close(self) -> None:
        for transport in self._transports.values():
            await transport.close()
