"""The ways out: routes, and the transport behind each."""

from collections.abc import Callable, Sequence

from kairan.delivery.routes import Route, Router
from kairan.delivery.settings import RouteSettings
from kairan.delivery.transport import Transport


class Ways:
    """Routes with the same destination share its transport, and with it its sessions."""

    def __init__(
        self, routes: Sequence[RouteSettings], transport: Callable[[str], Transport]
    ) -> None:
        self.router = Router(routes)
        destinations = {route.destination for route in self.router.routes}
        self._transports = {destination: transport(destination) for destination in destinations}

    @property
    def has_choice(self) -> bool:
        """More than one next hop is possible: one may be slow while others are not."""
        routes = self.router.routes
        return len(routes) > 1 or any(route.is_by_domain for route in routes)

    def transport(self, route: Route) -> Transport:
        return self._transports[route.destination]

    def recipients_max(self, route: Route) -> int:
        return self.transport(route).recipients_max

    async def close(self) -> None:
        for transport in self._transports.values():
            await transport.close()
