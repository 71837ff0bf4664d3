"""A ledger of promises: what was offered, what was promised with a 250, what has arrived.

    offer     a message with its recipients goes to the service; each offer is made once
    promise   its 250 has been read
    arrive    one recipient's copy has reached the far side, written to `journal` before it is
              acknowledged there: "message-id recipient digest-is-right", a line for each
    kill      a process of the service was killed, so what it was delivering may come twice

`reckon` compares.  A message holds its own digest, so that a torn or mixed content shows.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

_DIGEST_FIELD = b"X-Body-Digest: "
_ID_FIELD = b"Message-ID: "

# What a killed process had sent may still lie in a socket's buffer, and be read after its death.
BUFFERED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A moment at which processes of the service died: between `began` and `ended`."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Reckoning:
    """`lost`, `torn`, `strange` and `unexplained` must be empty, whatever happened."""

    offered: int
    promised: int
    expected: int  # copies of promised messages, one for each recipient
    arrived: int  # of them, each counted once
    lost: frozenset[tuple[str, str]]  # promised and not arrived
    torn: frozenset[str]  # not promised, and only some of its recipients have it
    strange: tuple[str, ...]  # never offered, to a wrong recipient, or not as it was sent
    duplicates: int  # copies beyond the first
    unexplained: frozenset[tuple[str, str]]  # duplicates without a kill between the copies
    kills: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills; {self.offered} messages sent, {self.promised} acknowledged; "
            f"{self.expected} copies expected, {self.arrived} arrived, {len(self.lost)} lost; "
            f"{self.duplicates} duplicates"
        )

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.torn or self.strange or self.unexplained)


@dataclass(slots=True)
class Ledger:
    journal: Path
    name: str = "0"  # in every Message-ID: keeps the ledgers of two runs apart
    offers: dict[str, frozenset[str]] = field(default_factory=dict)
    promises: set[str] = field(default_factory=set)
    arrivals: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def offer(self, recipients: Iterable[str]) -> str:
        """The Message-ID of a new message for these (a list's members, not its address)."""
        message_id = f"<{len(self.offers)}.{self.name}@ledger.test>"
        self.offers[message_id] = frozenset(recipients)
        return message_id

    def promise(self, message_id: str) -> None:
        self.promises.add(message_id)

    def arrive(self, recipients: Iterable[str], content: bytes) -> None:
        message_id, is_whole = read_message(content)
        copies = tuple(recipients)
        with self.journal.open("a", encoding="ascii") as journal:
            journal.writelines(f"{message_id} {copy} {is_whole}\n" for copy in copies)
        for copy in copies:
            if is_whole and copy in self.offers.get(message_id, ()):
                self.arrivals.setdefault((message_id, copy), []).append(time.monotonic())
            else:
                self.strange.append(f"{message_id} for {copy}, as it was sent: {is_whole}")

    def missing(self) -> frozenset[tuple[str, str]]:
        """Promised copies that have not arrived."""
        return frozenset(
            (message_id, recipient)
            for message_id in self.promises
            for recipient in self.offers[message_id]
            if (message_id, recipient) not in self.arrivals
        )

    def reckon(self) -> Reckoning:
        expected = sum(len(self.offers[message_id]) for message_id in self.promises)
        lost = self.missing()
        return Reckoning(
            offered=len(self.offers),
            promised=len(self.promises),
            expected=expected,
            arrived=expected - len(lost),
            lost=lost,
            torn=frozenset(filter(self._is_torn, self.offers.keys() - self.promises)),
            strange=tuple(self.strange),
            duplicates=sum(len(times) - 1 for times in self.arrivals.values()),
            unexplained=frozenset(
                copy for copy, times in self.arrivals.items() if not self._is_explained(times)
            ),
            kills=len(self.kills),
        )

    def _is_torn(self, message_id: str) -> bool:
        recipients = self.offers[message_id]
        return 0 < sum((message_id, one) in self.arrivals for one in recipients) < len(recipients)

    def _is_explained(self, times: list[float]) -> bool:
        """Between a copy and the next one somebody was killed."""
        return all(
            any(
                before <= kill.ended + BUFFERED_SECONDS and kill.began <= after
                for kill in self.kills
            )
            for before, after in pairwise(times)
        )


def make_message(message_id: str, body: bytes) -> bytes:
    """`body` in lines that end in CRLF."""
    digest = hashlib.sha256(body).hexdigest().encode()
    head = b"Subject: a line of the ledger\r\n" + _DIGEST_FIELD + digest + b"\r\n"
    return _ID_FIELD + message_id.encode() + b"\r\n" + head + b"\r\n" + body


def read_message(content: bytes) -> tuple[str, bool]:
    """Its Message-ID, and whether the body is the one that was sent.  Lines may end in LF."""
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    message_id = _field(head, _ID_FIELD)
    digest = hashlib.sha256(body.replace(b"\n", b"\r\n")).hexdigest()
    return message_id, digest == _field(head, _DIGEST_FIELD)


def _field(head: bytes, name: bytes) -> str:
    lines = (line for line in head.split(b"\n") if line.startswith(name))
    return next(lines, name).removeprefix(name).strip().decode("ascii", "replace")
