"""What the connections of one listener share: the rules of entry, who is in, and when replies leave.

Below connection.py, which asks it; listener.py opens the port, and sends the slow ones away.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kairan.auth.devices import AdmittedDevice
from kairan.directory.devices import Device
from kairan.directory.model import Account
from kairan.intake.context import IntakeContext
from kairan.intake.failed_handshakes import outcome_of
from kairan.intake.intake_log import RefusedWhere
from kairan.intake.settings import ListenerSettings, TlsMode
from kairan.mail.role import Role
from kairan.outcomes.catalogue import (
    DEVICE_DISABLED,
    DEVICE_NOT_LISTED,
    SHUTTING_DOWN,
    TOO_MANY_CONNECTIONS,
)
from kairan.outcomes.outcome import Outcome
from kairan.runtime.ip import IpNetwork, parse_ip, parse_network
from kairan.smtp.server.policy import SessionPolicy
from kairan.trace.refusals import Refusal


class EnteredConnection(Protocol):
    """What a listener asks of a connection."""

    address: str  # of the client

    def flush(self) -> None:
        """Sends what was answered."""

    def is_overdue(self, now: float) -> bool: ...

    def time_out(self) -> None: ...

    def stop(self) -> None: ...

    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """What an address stands for at a device listener."""

    account: Account | None = None  # as which it sends without a login; None: it must log in
    device: Device | None = None  # None: a network of the configuration

    @property
    def admitted(self) -> AdmittedDevice | None:
        if self.device is None or self.account is None:
            return None
        return AdmittedDevice(self.device, self.account, by_login=False)


_NO_LISTING = Listing()


class Entry:
    def __init__(
        self,
        context: IntakeContext,
        settings: ListenerSettings,
        tls_context: Callable[[], ssl.SSLContext],
        *,
        is_local: bool = False,
    ) -> None:
        """`tls_context` gives the present one: a reloaded certificate serves the next handshake.

        `is_local`: at a Unix socket of this service's own, whose peer says by a PROXY header whom it
        speaks for.
        """
        self.context = context
        self.is_local = is_local
        self.settings = settings
        self.tls_context = tls_context
        self.stopping = False
        self.connections: set[EnteredConnection] = set()
        self._per_address: Counter[str] = Counter()
        self._proxies = tuple(parse_network(text) for text in settings.proxy_from)
        self._devices = tuple((parse_network(text), account) for text, account in settings.devices)
        self._policy = self._make_policy(needs_auth=True)
        self._device_policy = self._make_policy(needs_auth=False)
        self._unflushed: list[EnteredConnection] = []

    # Who may come in.

    def believes_proxy(self, address: str) -> bool:
        return self.is_local or (bool(self._proxies) and _within(address, self._proxies))

    def admits(self, connection: EnteredConnection) -> Outcome | None:
        if self.stopping:
            return SHUTTING_DOWN
        settings = self.context.settings
        if self.context.statistics.connections > settings.connections_max:
            return TOO_MANY_CONNECTIONS
        if self._per_address[connection.address] > settings.connections_per_address_max:
            return TOO_MANY_CONNECTIONS
        return None

    def listing(self, address: str) -> Listing | Outcome:
        """A device of the directory is nearer than a network of the configuration around it."""
        if self.settings.role is not Role.DEVICE:
            return _NO_LISTING
        snapshot = self.context.snapshot()
        device = snapshot.devices.at(address)
        if device is None:
            return self._configured(address)
        if not device.enabled:
            self.context.sightings.refused(device.name, DEVICE_DISABLED.key)
            return DEVICE_DISABLED
        account = None if device.must_log_in else snapshot.account(device.account)
        return Listing(account, device)

    def _configured(self, address: str) -> Listing | Outcome:
        parsed = parse_ip(address)
        for network, account in self._devices:
            if parsed in network:
                found = self.context.snapshot().account(account)
                return DEVICE_NOT_LISTED if found is None else Listing(found)
        return DEVICE_NOT_LISTED

    def policy(self, account: Account | None) -> SessionPolicy:
        return self._policy if account is None else self._device_policy

    def _make_policy(self, *, needs_auth: bool) -> SessionPolicy:
        settings, device = self.settings, self.settings.role is Role.DEVICE
        encrypts = settings.tls is not TlsMode.OFF
        return SessionPolicy(
            hostname=self.context.hostname,
            mechanisms=self.context.settings.mechanisms if settings.offers_auth else (),
            size_max=self.context.admission.message_octets_max,
            recipients_max=self.context.admission.recipients_max,
            starttls=settings.tls is TlsMode.STARTTLS,
            # Without TLS on offer there is none to insist on; config/ allows that on loopback only.
            needs_tls=not device and encrypts,
            auth_needs_tls=encrypts,
            needs_auth=needs_auth,
            errors_max=self.context.settings.errors_max,
            idle_commands_max=self.context.settings.idle_commands_max,
        )

    # Output.

    def flush_soon(self, connection: EnteredConnection) -> None:
        """Replies leave together, behind all events that one look at the sockets brought."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush_all)
        self._unflushed.append(connection)

    def _flush_all(self) -> None:
        connections, self._unflushed = self._unflushed, []
        for connection in connections:
            connection.flush()

    # Bookkeeping.

    def add(self, connection: EnteredConnection) -> None:
        self.connections.add(connection)
        self._per_address[connection.address] += 1
        statistics = self.context.statistics
        statistics.connections += 1
        statistics.sessions += 1

    def remove(self, connection: EnteredConnection) -> None:
        self.connections.discard(connection)
        self._forget_address(connection.address)
        self.context.statistics.connections -= 1

    def rename(self, connection: EnteredConnection, address: str) -> None:
        """The balancer told who it really is."""
        self._forget_address(connection.address)
        connection.address = address
        self._per_address[address] += 1

    def _forget_address(self, address: str) -> None:
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def record_failed_handshake(self, client: str, reason: str, sni: str) -> None:
        outcome = outcome_of(reason)
        where = RefusedWhere(client, self.settings.name)
        self.context.intake_log.handshake_failed(outcome, where, reason=reason, sni=sni)
        self._count_refusal(outcome, client)
        device = self.context.snapshot().devices.at(client)
        if self.settings.role is Role.DEVICE and device is not None:
            self.context.sightings.refused(device.name, outcome.key)

    def record_refusal(self, outcome: Outcome, client: str) -> None:
        self.context.intake_log.refused(outcome, RefusedWhere(client, self.settings.name))
        self._count_refusal(outcome, client)

    def _count_refusal(self, outcome: Outcome, client: str) -> None:
        self.context.statistics.count_refused(outcome.key)
        self.context.trace.record_refusal(Refusal(client, outcome.key, reply=outcome.codes))


def _within(address: str, networks: tuple[IpNetwork, ...]) -> bool:
    parsed = parse_ip(address)
    return any(parsed in network for network in networks)
