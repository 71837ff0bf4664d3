"""The handshake queue: TLS handshakes one at a time, networks in turn.

A handshake is a millisecond of arithmetic, hundreds of times what a command takes.  When fifty
peers come at once (a guesser who was hung up on, a fleet of printers after a power cut), the open
sessions would wait for all of them.  So between two looks at the sockets one handshake is
stepped, and of the networks that wait each has one turn before any has its second.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class HandshakeQueue:
    """Belongs to one event loop.  Bounded by its users: each waits for one step at a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Callable[[], None]]] = {}  # by network, in turn
        self._turning = False

    def wait(self, network: str, step: Callable[[], None]) -> None:
        self._waiting.setdefault(network, deque()).append(step)
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        network, steps = next(iter(self._waiting.items()))
        step = steps.popleft()
        del self._waiting[network]
        if steps:
            self._waiting[network] = steps  # behind the others
        self._turning = bool(self._waiting)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
        step()
