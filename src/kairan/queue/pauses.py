"""What `kairan queue pause` and `resume` mean by what they were told."""

import time
from collections.abc import Callable, Iterator

from kairan.config.model import Configuration
from kairan.delivery.pauses import OperatorPause, PauseKind, change_pauses
from kairan.delivery.routes import Router
from kairan.queue.errors import QueueRequestError
from kairan.trace.commands import by_whom

Key = tuple[str, str]  # kind and name


def pause(configuration: Configuration, *, route: str, destination: str, by: str = "") -> list[Key]:
    """What is paused now of what was meant, whether it was before or not.  `by`: who says so, where
    it is not the user of this process.
    """
    kind, names = _meant(configuration, route=route, destination=destination)
    router = Router(configuration.delivery.routes)
    if not names or (route and router.named(route) is None):
        patterns = ", ".join(one.name for one in router.routes)
        raise QueueRequestError(
            f'no route has the pattern "{route}"; there are: {patterns}'
            if route
            else f'no route leads to "{destination}"; write a route\'s `to`, or a domain reached by MX'
        )
    now = time.time()
    pauses = [OperatorPause(kind, name, by or by_whom(), now) for name in names]

    def with_these(before: tuple[OperatorPause, ...]) -> Iterator[OperatorPause]:
        yield from before
        known = {_key(one) for one in before}
        yield from (one for one in pauses if _key(one) not in known)

    change_pauses(configuration.pauses_file, with_these)
    return [_key(one) for one in pauses]


def resume(configuration: Configuration, *, route: str, destination: str) -> list[Key]:
    """Also what has left the configuration since it was paused."""
    kind, names = _meant(configuration, route=route, destination=destination)
    keys = {(str(kind), name) for name in names or [destination]}
    resumed = _without(configuration, lambda one: _key(one) in keys)
    if not resumed:
        raise QueueRequestError(
            "that is not paused; `kairan status` shows what is, and `kairan queue retry` tries what is held"
        )
    return resumed


def resume_all(configuration: Configuration) -> list[Key]:
    return _without(configuration, lambda _: True)


def _without(configuration: Configuration, is_meant: Callable[[OperatorPause], bool]) -> list[Key]:
    resumed: list[Key] = []

    def the_others(before: tuple[OperatorPause, ...]) -> Iterator[OperatorPause]:
        for one in before:
            if is_meant(one):
                resumed.append(_key(one))
            else:
                yield one

    change_pauses(configuration.pauses_file, the_others)
    return sorted(resumed)


def _meant(
    configuration: Configuration, *, route: str, destination: str
) -> tuple[PauseKind, list[str]]:
    if bool(route) is bool(destination):
        raise QueueRequestError("say which: --route PATTERN or --destination NAME")
    if route:
        return PauseKind.ROUTE, [route]
    router = Router(configuration.delivery.routes)
    return PauseKind.DESTINATION, router.destination_queues(destination)


def _key(one: OperatorPause) -> Key:
    return str(one.kind), one.name
