"""The handshake queue: TLS handshakes one at a time, places in turn.

A handshake is a millisecond of arithmetic, hundreds of times what a command takes.  When fifty
peers come at once (a fleet of printers after a power cut), the open sessions would wait for all of
them.  So between two looks at the sockets one handshake is stepped, and of the networks that wait
each has one turn before any has its second.

Who guesses passwords comes back with fifty connections each time he is hung up on.  For networks
that are suspected of it a step is made every twenty milliseconds and no more often, addresses in turn:
they get a twentieth of the loop, however many they are, and a neighbour of the guesser is served.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

PAUSE_SECONDS = 0.02  # between two steps of suspects

Step: TypeAlias = Callable[[], None]


class HandshakeQueue:
    """Belongs to one event loop.  Bounded by its users: each waits for one step at a time."""

    def __init__(self) -> None:
        self._waiting, self._suspects = _StepsInTurn(), _StepsInTurn()
        self._turning = self._pacing = False
        self._next_suspect = 0.0  # by the loop's clock

    def wait(self, network: str, step: Step) -> None:
        self._waiting.add(network, step)
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def wait_paced(self, address: str, step: Step) -> None:
        """Of a network that is suspected of guessing."""
        self._suspects.add(address, step)
        if not self._pacing:
            self._pacing = True
            self._come_back(asyncio.get_running_loop())

    def _turn(self) -> None:
        step = self._waiting.pop()
        self._turning = bool(self._waiting)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
        step()

    def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_suspect = loop.time() + PAUSE_SECONDS
        step = self._suspects.pop()
        self._pacing = bool(self._suspects)
        if self._pacing:
            self._come_back(loop)
        step()

    def _come_back(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_at(max(loop.time(), self._next_suspect), self._pace)


class _StepsInTurn:
    """Steps by where they come from."""

    def __init__(self) -> None:
        self._steps: dict[str, deque[Step]] = {}  # in turn

    def __bool__(self) -> bool:
        return bool(self._steps)

    def add(self, place: str, step: Step) -> None:
        self._steps.setdefault(place, deque()).append(step)

    def pop(self) -> Step:
        """Of the place whose turn it is, which then stands behind the others."""
        place, steps = next(iter(self._steps.items()))
        step = steps.popleft()
        del self._steps[place]
        if steps:
            self._steps[place] = steps
        return step
