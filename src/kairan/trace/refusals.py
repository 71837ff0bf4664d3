"""Refusals of peers that nobody knows, counted: a flood of them is a few rows a minute.

Whoever can connect can be refused as often as he likes, so his refusals must not push out what
happened to mail.  They are counted by minute, address, reason and detail, in a file of their own,
`refusals-N.db`, table `refusal`:

    minute   since the epoch
    client   the address; of IPv6 its /64, which one machine has to itself; empty: further ones
    reason   the outcome's key
    verb     the command
    detail   what exactly was refused; empty: further ones
    reply    code and enhanced code
    session  of the first
    first, last   microseconds since the epoch
    count

Four bounds: rows of a minute, details of one address and reason, rows that wait for the disk, octets
of the file.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TypeAlias

import structlog

from kairan.runtime.kept import kept
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.trace.file import TraceFile
from kairan.trace.keys import MICRO

log = structlog.get_logger()

# Addresses and reasons of one minute.  300 octets each: a flood from everywhere that never ends
# fills 430 MB a day, and `refusals_octets_max` holds half of that.
_ROWS_PER_MINUTE_MAX = 1_000
# Names that one address guesses, for example.
_DETAILS_MAX = 8
_DETAIL_CHARACTERS_MAX = 400
# Minutes of a flood while the disk stands still, 400 octets each in memory; from then on only those
# already in the table are counted.
_WAITING_ROWS_MAX = 10_000
_ROW_OCTETS = 300

SCHEMA = """
CREATE TABLE IF NOT EXISTS refusal (
  minute INTEGER NOT NULL, client TEXT NOT NULL, reason TEXT NOT NULL, verb TEXT NOT NULL,
  detail TEXT NOT NULL, reply TEXT NOT NULL, session TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, client, reason, verb, detail)) WITHOUT ROWID;
"""
_ADD = """
INSERT INTO refusal VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (minute, client, reason, verb, detail) DO UPDATE SET
  count = count + excluded.count, first = min(first, excluded.first),
  last = max(last, excluded.last)
"""
_OLDEST = "SELECT minute, client, reason, verb, detail FROM refusal ORDER BY minute LIMIT ?"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is recorded of one."""

    client: str
    reason: str
    verb: str = ""
    detail: str = ""
    reply: str = ""
    session: str = ""


@dataclass(slots=True)
class _Count:
    reply: str
    session: str
    first: float
    last: float
    count: int = 0


_Key: TypeAlias = tuple[int, str, str, str, str]  # minute, client, reason, verb, detail


class Refusals:
    """Counts in memory; `record` is for the event loop, `take` for the thread that writes."""

    def __init__(self) -> None:
        self._lock = (
            threading.Lock()
        )  # held for a look at the table, never while anything is written
        self._counts: dict[_Key, _Count] = {}
        self.lost = 0
        self._minute = 0
        self._known: set[_Key] = set()  # rows of this minute
        self._details: Counter[_Key] = Counter()

    def record(self, refusal: Refusal, now: float) -> None:
        with self._lock:
            key = self._key(refusal, int(now // 60))
            found = self._counts.get(key)
            if found is None:
                if len(self._counts) >= _WAITING_ROWS_MAX:
                    self.lost += 1
                    return
                found = self._counts[key] = _Count(refusal.reply, refusal.session, now, now)
            found.last = max(found.last, now)
            found.count += 1

    def take(self) -> Sequence[tuple[int | str, ...]]:
        """The rows since the last time, to be added to those of the file."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [
            (*key, c.reply, c.session, int(c.first * MICRO), int(c.last * MICRO), c.count)
            for key, c in counts.items()
        ]

    def _key(self, refusal: Refusal, minute: int) -> _Key:
        if minute != self._minute:
            self._minute = minute
            self._known.clear()
            self._details.clear()
        client, reason, verb = machine_of(refusal.client), refusal.reason, refusal.verb
        exact = (minute, client, reason, verb, refusal.detail[:_DETAIL_CHARACTERS_MAX])
        if exact in self._known:
            return exact
        plain = (minute, client, reason, verb, "")
        if len(self._known) >= _ROWS_PER_MINUTE_MAX:
            return plain if plain in self._known else (minute, "", reason, verb, "")
        if self._details[plain] >= _DETAILS_MAX:
            exact = plain
        self._details[plain] += 1
        self._known.add(exact)
        return exact


# A thousand machines; an address is 45 characters at most.
@kept(octets=768 * 1024, key_octets=64)
def machine_of(client: str) -> str:
    """Whom a flood from this address is counted against."""
    try:
        address = ip_address(client[:64].partition("%")[0])
    except ValueError:
        return client[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


class RefusalsWriter:
    """The thread's side."""

    def __init__(self, file: TraceFile, refusals: Refusals) -> None:
        self._file = file
        self._refusals = refusals
        self._trouble = RepeatedFailure()
        self.is_within = False

    def write_waiting(self) -> None:
        rows = self._refusals.take()
        at_once = self._file.batch_rows
        for start in range(0, len(rows), at_once):
            batch = rows[start : start + at_once]
            try:
                with self._file.database as database:
                    database.executemany(_ADD, batch)
                self.keep_within()
            except sqlite3.Error as error:
                self._refusals.lost += sum(int(row[-1]) for row in batch)
                if self._trouble.is_new(str(error)):
                    log.error("trace.not-written", file=self._file.path, reason=str(error))
            else:
                if self._trouble.is_over():
                    log.info("trace.written-again", file=self._file.path)

    def keep_within(self) -> None:
        self.is_within = self._file.keep_within(self._delete_oldest)

    def delete_before(self, seconds: float, rows: int) -> bool:
        """True when nothing older is left."""
        self.is_within = False
        return self._delete("WHERE minute < ? ", (int(seconds // 60), rows)) < rows

    def close(self) -> None:
        self._file.close()

    def _delete_oldest(self, octets: int) -> bool:
        return self._delete("", (max(octets // _ROW_OCTETS, 100),)) > 0

    def _delete(self, condition: str, values: tuple[int, ...]) -> int:
        chosen = _OLDEST.replace("ORDER", f"{condition}ORDER")
        with self._file.database as database:
            return database.execute(
                f"DELETE FROM refusal WHERE (minute, client, reason, verb, detail) IN ({chosen})",  # noqa: S608 - our own text
                values,
            ).rowcount
