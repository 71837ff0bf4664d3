"""What systemd wants to hear from its service (sd_notify(3)): datagrams, and never waited for.

Without NOTIFY_SOCKET in the environment nobody is told anything.
"""

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress

# The start may take longer than TimeoutStartSec while a damaged queue is salvaged: so much more
# time, asked for again and again while it goes on.
_START_SECONDS = 30


class ServiceManager:
    """The variables are taken out of the environment: our children are not to speak for us."""

    def __init__(
        self,
        environment: MutableMapping[str, str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        environment = os.environ if environment is None else environment
        address = environment.pop("NOTIFY_SOCKET", "")
        watched = environment.pop("WATCHDOG_PID", "") in {"", str(os.getpid())}
        microseconds = environment.pop("WATCHDOG_USEC", "")
        self._clock = clock
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            self._address = "\0" + address[1:] if address.startswith("@") else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        # Half of what systemd allows, as sd_watchdog_enabled(3) advises; 0: it does not watch.
        self.interval_seconds = (
            int(microseconds) / 2_000_000 if watched and microseconds.isdigit() else 0.0
        )
        self._next = 0.0

    def starting(self) -> None:
        """The start goes on; once a second is enough."""
        if self._is_due(1.0):
            self._send(f"EXTEND_TIMEOUT_USEC={_START_SECONDS * 1_000_000}")

    def ready(self) -> None:
        self._next = 0.0
        self._send("READY=1")

    def alive(self) -> None:
        """As often as one likes; it is said when it is due."""
        if self.interval_seconds and self._is_due(self.interval_seconds):
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _is_due(self, every_seconds: float) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + every_seconds
        return True

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with suppress(OSError):  # it is gone, or does not listen just now
                self._socket.sendto(text.encode(), self._address)
