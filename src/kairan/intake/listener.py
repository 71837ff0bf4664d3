"""A listener: its port, the life of its connections, and the sweep of the slow ones."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from kairan.intake.connection import SmtpConnection
from kairan.intake.context import IntakeContext
from kairan.intake.entry import EnteredConnection, Entry
from kairan.intake.settings import ListenerSettings

SWEEP_SECONDS = 2.0  # how late a time-out may be noticed
BACKLOG = 4_096  # connections the kernel may hold: a fleet of printers after a power cut


class Listener:
    def __init__(
        self,
        context: IntakeContext,
        settings: ListenerSettings,
        tls_context: Callable[[], ssl.SSLContext],
        *,
        is_local: bool = False,
    ) -> None:
        """`is_local`: at a Unix socket, for a process of this service alone."""
        self._entry = Entry(context, settings, tls_context, is_local=is_local)
        self._drain_seconds = context.settings.drain_seconds
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._address = ""

    @property
    def facts(self) -> dict[str, object]:
        """For a status."""
        role = str(self._entry.settings.role)
        return {"address": self._address, "role": role, "sessions": len(self.connections)}

    @property
    def connections(self) -> AbstractSet[EnteredConnection]:
        return self._entry.connections

    async def start(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if self._entry.is_local:
            self._server = await loop.create_unix_server(
                lambda: SmtpConnection(self._entry), sock=sock, backlog=BACKLOG
            )
        else:
            host, port, *_ = sock.getsockname()  # where the settings ask for any free port, the one
            self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            self._server = await loop.create_server(
                lambda: SmtpConnection(self._entry), sock=sock, backlog=BACKLOG
            )
        self._sweeper = loop.create_task(self._sweep(), name="intake sweep")

    async def stop(self) -> None:
        """Idle sessions and new connections hear 421, transactions may finish."""
        self._entry.stopping = True
        for connection in tuple(self.connections):
            connection.stop()
        deadline = time.monotonic() + self._drain_seconds
        while self.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - at the end only
            await asyncio.sleep(0.02)
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._send_away_the_slow(time.monotonic())

    def _send_away_the_slow(self, now: float) -> None:
        """Not within `_sweep`, whose variables would hold the last connection while it sleeps."""
        for connection in tuple(self.connections):
            if connection.is_overdue(now):
                connection.time_out()
