"""Which routes are never reached, and which domains and addresses have none.

The router itself is asked, with an address made for the purpose: a second opinion on how patterns
match would be another rule.
"""

from collections.abc import Iterator, Sequence

from kairan.config.setting_problem import SettingProblem
from kairan.delivery.routes import Router
from kairan.delivery.settings import RouteSettings
from kairan.mail.address import key_of

# In the place of each star: no pattern that an operator writes matches it but by a star of its own.
_UNLIKELY = "kqzwxvj"
# The destination does not matter here, and may be one that cannot be used.
_SOMEWHERE = "maildir:x"


def router_of(routes: Sequence[RouteSettings]) -> Router:
    """For questions of pattern alone."""
    return Router([RouteSettings(one.pattern, _SOMEWHERE) for one in routes])


def unreached(routes: Sequence[RouteSettings]) -> Iterator[SettingProblem]:
    """The first that matches wins: what stands behind it for the same addresses never does."""
    router = router_of(routes)
    for position, route in enumerate(router.routes):
        taken = router.route(_example(route.name))
        if taken is None:
            why = 'it matches no address; write "*.example.com", or "sales-*@example.com"'
        elif taken is not route:
            why = f'"{taken.name}" stands before it and takes all its mail; put it first'
        else:
            continue
        sentence = f'the route "{route.name}" is never reached: {why}'
        yield ("delivery", "routes", position, "pattern"), sentence


def has_route(router: Router, domain: str) -> bool:
    """For whichever address of the domain."""
    return router.route(f"{_UNLIKELY}@{domain}") is not None


def reaches_everywhere(router: Router) -> bool:
    return has_route(router, f"{_UNLIKELY}.invalid")


def _example(pattern: str) -> str:
    """An address that it matches."""
    text = key_of(pattern).replace("*", _UNLIKELY)
    return text if "@" in text else f"{_UNLIKELY}@{text}"
