"""From a name to a connection: what DNS says, and which addresses answer how fast."""

import errno
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, cast

from kairan.doctor.probe import findings
from kairan.doctor.probe.settings import ProbeSettings, ProbeTarget
from kairan.doctor.probe.step import ProbeMeaning, ProbeStep, StepMark

_PORT_OF_SERVERS = 25  # RFC 5321 between servers; providers block it for clients
# These exist: where DNS does not know them, it is DNS that is cut off from the world.
_KNOWN_HOSTS = frozenset({"smtp.hve.mx.microsoft", "smtp.office365.com"})
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@dataclass(frozen=True, slots=True)
class HostAddress:
    family: socket.AddressFamily
    where: tuple[str, int] | tuple[str, int, int, int]

    @property
    def text(self) -> str:
        return self.where[0]


_Tried: TypeAlias = tuple[HostAddress, socket.socket | OSError, float]


def resolve(
    target: ProbeTarget, settings: ProbeSettings
) -> tuple[ProbeStep, tuple[HostAddress, ...]]:
    started = time.perf_counter()
    found = _look_up(target, settings.timeout_seconds)
    milliseconds = (time.perf_counter() - started) * 1_000
    if isinstance(found, BaseException):
        return _not_found(target.host, found, milliseconds), ()
    addresses = tuple(dict.fromkeys(found))[: settings.addresses_max]
    said = ", ".join(address.text for address in addresses)
    return ProbeStep("name", StepMark.OK, milliseconds, said), addresses


def _look_up(target: ProbeTarget, timeout_seconds: float) -> Sequence[HostAddress] | BaseException:
    """In a thread of its own: the system's resolver has no deadline that we could set."""
    result: list[Sequence[HostAddress] | BaseException] = []

    def run() -> None:
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            result.append([HostAddress(one[0], cast("tuple[str, int]", one[4])) for one in found])
        except (OSError, UnicodeError) as error:
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    return result[0] if result else TimeoutError("no answer from DNS in time")


def _not_found(host: str, error: BaseException, milliseconds: float) -> ProbeStep:
    """EAI_AGAIN and silence say nothing of the name; all else says that there is none."""
    is_ours = (
        isinstance(error, TimeoutError)
        or host.lower().rstrip(".") in _KNOWN_HOSTS
        or getattr(error, "errno", None) in {socket.EAI_AGAIN, socket.EAI_FAIL}
    )
    said = str(getattr(error, "strerror", None) or error)
    if is_ours:
        return ProbeStep(
            "name", StepMark.UNCLEAR, milliseconds, said, (findings.NAME_NOT_LOOKED_UP,)
        )
    return ProbeStep("name", StepMark.PROBLEM, milliseconds, said, (findings.NAME_UNKNOWN,))


def connect(
    addresses: Sequence[HostAddress], target: ProbeTarget, settings: ProbeSettings
) -> tuple[ProbeStep, HostAddress | None, socket.socket | None]:
    """All at once, as RFC 8305's clients nearly do; the first of the list that answers is used."""
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=len(addresses)) as pool:
        tried = list(pool.map(lambda one: _try(one, settings.timeout_seconds), addresses))
    milliseconds = (time.perf_counter() - started) * 1_000
    said = "; ".join(_told(one) for one in tried)
    open_ones = [
        (address, result) for address, result, _ in tried if isinstance(result, socket.socket)
    ]
    errors = [result for _, result, _ in tried if isinstance(result, OSError)]
    if not open_ones:
        mark, meanings = _why_none(errors, target)
        return ProbeStep("connect", mark, milliseconds, said, meanings), None, None
    for _, unused in open_ones[1:]:
        unused.close()
    (address, connection), first = open_ones[0], min(one[2] for one in tried)
    if errors:
        step = ProbeStep("connect", StepMark.WARNING, first, said, (findings.SOME_ADDRESSES_FAIL,))
    else:
        step = ProbeStep("connect", StepMark.OK, milliseconds, said)
    return step, address, connection


def _try(address: HostAddress, timeout_seconds: float) -> _Tried:
    started = time.perf_counter()
    result: socket.socket | OSError
    try:
        result = connect_once(address, timeout_seconds)
    except OSError as error:
        result = error
    return address, result, (time.perf_counter() - started) * 1_000


def connect_once(address: HostAddress, timeout_seconds: float) -> socket.socket:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect(address.where)
    except BaseException:
        connection.close()
        raise
    return connection


def _told(tried: _Tried) -> str:
    address, result, milliseconds = tried
    how = _reason(result) if isinstance(result, OSError) else f"{milliseconds:.0f} ms"
    return f"{address.text} {how}"


def _reason(error: OSError) -> str:
    return "timed out" if isinstance(error, TimeoutError) else error.strerror or str(error)


def _why_none(
    errors: Sequence[OSError], target: ProbeTarget
) -> tuple[StepMark, tuple[ProbeMeaning, ...]]:
    """One that refused tells most: the host is there."""
    if any(isinstance(error, ConnectionRefusedError) for error in errors):
        return StepMark.PROBLEM, (findings.CONNECTION_REFUSED,)
    if any(isinstance(error, TimeoutError) for error in errors):
        blocked = target.port == _PORT_OF_SERVERS
        return StepMark.PROBLEM, (
            findings.PORT_25_BLOCKED if blocked else findings.CONNECT_TIMEOUT,
        )
    if all(error.errno in _NO_ROUTE for error in errors):
        return StepMark.UNCLEAR, (findings.UNREACHABLE,)
    return StepMark.PROBLEM, (findings.CONNECT_TIMEOUT,)
