"""Which sessions are held now, by id: what `kairan session` lists and ends.

Bounded by the connections of the worker; a session enters when it is greeted and leaves with its
connection.
"""

from collections.abc import Iterator
from typing import Any, Protocol


class HeldSession(Protocol):
    """A connection with a session, as the administrator sees it."""

    def facts(self) -> dict[str, Any]:
        """`id`, `account` (empty: nobody yet), `address`, `listener`, `since`, `messages`."""

    def end(self) -> None:
        """The client hears that it is the administrator's wish; what is being stored is stored."""


class HeldSessions:
    def __init__(self) -> None:
        self._held: dict[str, HeldSession] = {}

    def __len__(self) -> int:
        return len(self._held)

    def add(self, session_id: str, session: HeldSession) -> None:
        self._held[session_id] = session

    def remove(self, session_id: str) -> None:
        self._held.pop(session_id, None)

    def matching(self, wanted: dict[str, str]) -> Iterator[tuple[dict[str, Any], HeldSession]]:
        """Those whose facts are all as wanted; of a moment, whoever comes or goes meanwhile."""
        for session_id, session in tuple(self._held.items()):
            if session_id not in self._held:  # gone since the caller last waited
                continue
            facts = session.facts()
            if all(facts[name] == value for name, value in wanted.items()):
                yield facts, session
