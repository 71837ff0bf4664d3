"""Routes: which destination an address has.  Rules in order, the first that matches wins."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate

from kairan.delivery.settings import RouteSettings
from kairan.mail.address import domain_of, key_of

_NOWHERE = 1 << 30  # an index behind every rule


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is what a job carries on disk: the rule's pattern, so that a rule whose destination
    was changed takes its waiting jobs along, and a rule that is gone lets them be routed anew.
    """

    name: str
    destination: str
    queue: str  # the first route to the same destination, whose sessions all of them share

    @property
    def is_by_domain(self) -> bool:
        """MX: one session reaches one domain."""
        return self.destination.startswith("mx:")

    @property
    def is_final(self) -> bool:
        """Into the mailbox; behind the others comes a further hop (RFC 3464 section 2.3.3)."""
        return self.destination.startswith(("maildir:", "lmtp:"))


class Router:
    """Exact addresses, domains and `*.domain` cost a lookup each, however many rules there are;
    only patterns of addresses are tried one by one.
    """

    def __init__(self, routes: Sequence[RouteSettings]) -> None:
        queues: dict[str, str] = {}
        self._routes = [
            Route(rule.pattern, rule.to, queues.setdefault(rule.to, rule.pattern))
            for rule in routes
        ]
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
        best = min(best, self._exact.get(domain, _NOWHERE), self._parent(domain))
        for index, matches in self._patterns:
            if index > best:
                break
            if matches(key):
                best = index
        return None if best == _NOWHERE else self._routes[best]

    def _parent(self, domain: str) -> int:
        """The earliest `*.domain` above: it does not match the domain itself."""
        best = _NOWHERE
        while self._parents and "." in domain:
            domain = domain.partition(".")[2]
            best = min(best, self._parents.get(domain, _NOWHERE))
        return best

    @property
    def routes(self) -> Sequence[Route]:
        return self._routes

    def named(self, name: str) -> Route | None:
        return self._by_name.get(name)
