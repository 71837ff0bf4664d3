"""Who is signed in: in memory, by the digest of a random id that only the browser holds."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from kairan.directory.operations.console_users import ConsoleUser

_ID_OCTETS = 32
# Some 500 octets each.  One user's many sessions never push out another's.
SESSIONS_MAX = 1_000
SESSIONS_OF_ONE_MAX = 10
IDLE_SECONDS = 30 * 60.0
TOTAL_SECONDS = 12 * 3_600.0  # a working day; then the password is asked for again


@dataclass(slots=True)
class ConsoleSession:
    name: str
    # What it was signed in with: another password ends the session.
    password_hash: str = field(repr=False)
    csrf: str = field(repr=False)
    begun: float = 0.0
    seen: float = 0.0
    # Whom an identity provider vouched for: he is on no list of ours.
    vouched: ConsoleUser | None = None


class ConsoleSessions:
    """Threads share it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[bytes, ConsoleSession] = OrderedDict()  # last seen, last

    def begin(self, user: ConsoleUser, *, is_vouched: bool = False) -> str:
        """A new id; never one that the browser brought."""
        session_id, now = secrets.token_urlsafe(_ID_OCTETS), self._clock()
        session = ConsoleSession(
            user.name,
            user.password_hash,
            secrets.token_urlsafe(_ID_OCTETS),
            now,
            now,
            user if is_vouched else None,
        )
        with self._lock:
            self._drop_ended(now)
            own = [key for key, one in self._sessions.items() if one.name == user.name]
            if len(own) >= SESSIONS_OF_ONE_MAX:
                del self._sessions[own[0]]
            elif len(self._sessions) >= SESSIONS_MAX:
                self._sessions.popitem(last=False)
            self._sessions[_digest(session_id)] = session
        return session_id

    def find(self, session_id: str, *, by_itself: bool = False) -> ConsoleSession | None:
        """Seen now, if it has not ended.  `by_itself`: a page looks, and keeps nobody signed in."""
        now = self._clock()
        with self._lock:
            self._drop_ended(now)
            session = self._sessions.get(key := _digest(session_id))
            if session is not None and not by_itself:
                session.seen = now
                self._sessions.move_to_end(key)
            return session

    def end(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(_digest(session_id), None)

    def _drop_ended(self, now: float) -> None:
        ended = [
            key
            for key, one in self._sessions.items()
            if now - one.seen >= IDLE_SECONDS or now - one.begun >= TOTAL_SECONDS
        ]
        for key in ended:
            del self._sessions[key]


def _digest(session_id: str) -> bytes:
    return sha256(session_id.encode("utf-8", "surrogatepass")).digest()
