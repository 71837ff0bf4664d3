"""Routes and destinations that an operator has paused: nothing goes to them until they are resumed.

    <data>/pauses.json   0600; replaced as a whole, so a reader sees the old or the new one

    {"pauses": [{"kind": "route", "name": "*", "by": "root", "since": 1790000000.0}]}

`kind` is `route` (`name`: its pattern) or `destination` (`name`: of its queue).  A file, because a
pause outlives restarts and can be set while the service is stopped; workers look whether it changed.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

import structlog

from kairan.runtime.files import Stamp, locked, private_file, stamp_of
from kairan.runtime.operator_error import OperatorError

log = structlog.get_logger()

_OCTETS_MAX = 1024 * 1024  # ten thousand pauses; a longer file is none of ours


class PauseKind(StrEnum):
    ROUTE = "route"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class OperatorPause:
    kind: PauseKind
    name: str
    by: str = ""
    since: float = 0.0

    @property
    def queue(self) -> str:
        """The queue in which the jobs wait.  Those of a paused route leave the queue of their
        destination, which other routes may share; no route's pattern has brackets.
        """
        return f"(paused) {self.name}" if self.kind is PauseKind.ROUTE else self.name


class PausesUnreadableError(OperatorError):
    """The file is none of ours; the text says which."""


def read_pauses(path: Path) -> tuple[OperatorPause, ...]:
    """Raises PausesUnreadableError."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_OCTETS_MAX))["pauses"]
        return tuple(_pause(**one) for one in found)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PausesUnreadableError(f"{path} cannot be read: {error!r}") from error


def _pause(kind: str, name: str, by: str = "", since: float = 0.0) -> OperatorPause:
    return OperatorPause(PauseKind(kind), str(name), str(by), float(since))


PauseChange: TypeAlias = Callable[[tuple[OperatorPause, ...]], Iterable[OperatorPause]]


def change_pauses(path: Path, change: PauseChange) -> None:
    """Commands do this one after another; the lock is a file of its own, for the other is replaced."""
    with locked(path.with_suffix(".lock")):
        after = [asdict(pause) for pause in change(read_pauses(path))]
        with private_file(path, is_durable=True) as file:
            file.write(json.dumps({"pauses": after}).encode())


class PauseWatch:
    """The pauses as a worker knows them."""

    def __init__(self, path: Path | None) -> None:
        """None: nothing is ever paused."""
        self._path = path
        self._stamp: Stamp = None
        self.pauses: tuple[OperatorPause, ...] = ()
        self.refresh()

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(pause.queue for pause in self.pauses)

    def of_route(self, pattern: str) -> OperatorPause | None:
        for pause in self.pauses:
            if pause.kind is PauseKind.ROUTE and pause.name == pattern:
                return pause
        return None

    def refresh(self) -> tuple[OperatorPause, ...] | None:
        """The pauses before, where they have changed.  A file that does not read changes nothing."""
        stamp = stamp_of(self._path) if self._path is not None else None
        if stamp == self._stamp or self._path is None:
            return None
        self._stamp = stamp
        before = self.pauses
        try:
            self.pauses = read_pauses(self._path)
        except PausesUnreadableError as error:
            log.error("delivery.pauses-unreadable", reason=str(error))
            return None
        return before
