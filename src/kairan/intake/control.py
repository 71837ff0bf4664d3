"""Where the administrator's commands reach the workers: a Unix socket for each, in the data directory.

    <data>/control/        0700, of the user that the service runs as
    worker-<number>.sock   0600
    api-<number>.sock      0600, where the HTTP API hands in mail: SMTP (listener.py)

One request a connection, one line of JSON; the answer is a line for each session that it found and a
last one that says how many they were, so that an answer cut short is not taken for a whole one.

    {"do": "list", "want": {"account": "printer@example.com"}}
    {"id": "…", "account": "printer@example.com", …}
    {"found": 1}

`do` is `list` or `end`; `want` holds facts of a session (held_sessions.py), none: all sessions.  Where
`do` is `status`, the one line before the last has the facts of the worker (worker.py).  Where it is
`try-now`, `want` may hold one `destination`, and no line comes before the last: delivery does not wait
for the end of its pause.  Who the socket may do all: that is the service's own user, and root.
"""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from kairan.intake.held_sessions import HeldSessions
from kairan.runtime.local_socket import bound, reachable
from kairan.runtime.operator_error import OperatorError

log = structlog.get_logger()

_REQUEST_OCTETS_MAX = 4_096
_OF_SESSIONS = frozenset({"id", "account", "address"})
_WANTED = {
    "list": _OF_SESSIONS,
    "end": _OF_SESSIONS,
    "status": frozenset[str](),
    "try-now": frozenset({"destination"}),
}
# Administrators, not clients: more at a time is a script gone wild.
_CLIENTS_MAX = 8
# For request and answer; 20,000 sessions are 5 MB, and a reader that stands still is hung up on.
_SECONDS_MAX = 30.0
# Between two pauses: a thousand sessions must not hold up those who send mail.
_SESSIONS_AT_ONCE = 100


class ControlUnavailableError(OperatorError):
    """No worker answers, or one broke off."""


class AnswerCutShortError(ControlUnavailableError):
    """A worker ended, or had too many administrators, before its last line."""


class ControlSocket:
    """The worker's end, in its event loop."""

    def __init__(
        self,
        sessions: HeldSessions,
        status: Callable[[], dict[str, object]],
        try_now: Callable[[str], int],
    ) -> None:
        """`try_now`: a destination, or empty for all that are down; how many it meant."""
        self._sessions = sessions
        self._status = status
        self._try_now = try_now
        self._clients = 0
        self._server: asyncio.Server | None = None

    async def start(self, folder: Path, number: int) -> None:
        self._server = await asyncio.start_unix_server(
            self._serve, sock=bound(folder, _name(number)), limit=_REQUEST_OCTETS_MAX
        )

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= _CLIENTS_MAX:
                async with asyncio.timeout(_SECONDS_MAX):
                    await self._answer(await reader.readline(), writer)
        except (OSError, ValueError, TimeoutError) as error:
            log.warning("intake.control-refused", reason=str(error) or type(error).__name__)
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        what, wanted = _request(line)
        if what == "status":
            writer.write(json.dumps(self._status()).encode() + b'\n{"found": 1}\n')
            await writer.drain()
            return
        if what == "try-now":
            found = self._try_now(wanted.get("destination", ""))
            writer.write(b'{"found": %d}\n' % found)
            await writer.drain()
            return
        found = 0
        for facts, session in self._sessions.matching(wanted):
            if what == "end":
                session.end()
            writer.write(json.dumps(facts).encode() + b"\n")
            found += 1
            if found % _SESSIONS_AT_ONCE == 0:
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(b'{"found": %d}\n' % found)
        await writer.drain()
        if what == "end":
            log.info("intake.sessions-ended-by-command", sessions=found, **wanted)


def _request(line: bytes) -> tuple[str, dict[str, str]]:
    request = json.loads(line)
    if not isinstance(request, dict):
        raise ValueError("no request that we know")  # noqa: TRY004 - of the peer, not of ours
    what, wanted = request.get("do"), request.get("want", {})
    is_text = isinstance(wanted, dict) and all(isinstance(one, str) for one in wanted.values())
    if what not in _WANTED or not is_text or not _WANTED[what].issuperset(wanted):
        raise ValueError("no request that we know")
    return what, wanted


def ask_workers(folder: Path, what: str, wanted: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The sessions that all workers found; it blocks.  ControlUnavailableError where nobody answers."""
    names = sorted(path.name for path in folder.glob("worker-*.sock"))
    answering = 0
    for name in names:
        with suppress(ConnectionRefusedError, FileNotFoundError):  # of a worker that is no more
            yield from _ask(folder, name, what, wanted)
            answering += 1
    if not answering:
        raise ControlUnavailableError(_nobody(folder))


@dataclass(frozen=True, slots=True)
class WorkerReports:
    """What workers answer to a status; `silent`: those that do not, with the reason, by number."""

    reports: Sequence[dict[str, Any]]
    silent: Mapping[int, str]


def ask_status(folder: Path, *, seconds: float) -> WorkerReports:
    """All workers at once, for no longer than this: one that stands still is said, not waited for.
    It blocks.  ControlUnavailableError where there is nobody, or we may not ask.
    """
    numbers = sorted(
        int(number)
        for path in folder.glob("worker-*.sock")
        if (number := path.stem.removeprefix("worker-")).isdigit()
    )
    ask = partial(_status_of, folder, deadline=time.monotonic() + seconds)
    with ThreadPoolExecutor(max_workers=max(1, len(numbers))) as pool:
        answers = dict(zip(numbers, pool.map(ask, numbers), strict=True))
    reports = [answer for answer in answers.values() if isinstance(answer, dict)]
    silent = {number: answer for number, answer in answers.items() if isinstance(answer, str)}
    if not reports and not silent:
        raise ControlUnavailableError(_nobody(folder))
    return WorkerReports(reports, silent)


def _status_of(folder: Path, number: int, *, deadline: float) -> dict[str, Any] | str | None:
    """Why it does not answer as a text; None: of a worker that is no more."""
    try:
        (report,) = _ask(folder, _name(number), "status", {}, deadline=deadline)
    except (ConnectionRefusedError, FileNotFoundError):
        return None
    except (OSError, ValueError, AnswerCutShortError) as error:
        return str(error) or type(error).__name__
    return report


def _nobody(folder: Path) -> str:
    return f"no worker answers in {folder}; is the service running with this configuration?"


def _ask(
    folder: Path,
    name: str,
    what: str,
    wanted: dict[str, str],
    *,
    deadline: float | None = None,
) -> Iterator[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        left = _SECONDS_MAX if deadline is None else deadline - time.monotonic()
        sock.settimeout(max(0.001, left))  # of nothing: it would not block at all
        try:
            with reachable(folder, name) as path:
                sock.connect(path)
        except PermissionError as error:
            raise ControlUnavailableError(
                f"may not talk to the service in {folder}; run this as root or as the user that it"
                " runs as"
            ) from error
        sock.sendall(json.dumps({"do": what, "want": wanted}).encode() + b"\n")
        with sock.makefile("rb") as answer:
            for line in answer:
                facts = json.loads(line)
                if "found" in facts:
                    return
                yield facts
    raise AnswerCutShortError(f"{name} broke off its answer; ask again")


def _name(number: int) -> str:
    return f"worker-{number}.sock"


def api_socket_name(number: int) -> str:
    return f"api-{number}.sock"
