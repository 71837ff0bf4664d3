"""Who is told, how far each has read, what waits: a file of this machine, or a database of all nodes.

    data/webhooks/              0700
    data/webhooks/webhooks.db   0600; or the schema kairan_webhooks in the first of [spool] url

    hook     the webhooks, with their secrets in clear, for these sign
    cursor   how far a webhook has read in each file of the trace (reading.py); of nodes that share
             the database, `file` begins with the node's id and a slash
    waiting  events that were read and are not taken yet; `due`: not before, and in this order
    told     ids of what was taken lately, so that what is read twice is sent once
    concern  what has begun and is not over, and was told

An event and the cursor behind it are one transaction: after a crash of the process it is there once.
A power cut may cost the last transactions of the file, and then the same events are read and sent
again, under the same ids.

Nothing grows without end: of a webhook at most `waiting_events_max` events are due, ten times as many
wait (an event takes 10 KB at most and 500 octets mostly, see told.py), and then it reads no further until
some are taken or too old; the ids of a day are kept, at most _TOLD_MAX.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from kairan.auth.made_secrets import make_secret
from kairan.webhooks.database import Statements, WebhookDatabase, WebhookFile
from kairan.webhooks.hook import Webhook, WebhookError, WebhookEvent, check_name, check_url
from kairan.webhooks.told import ToldEvent

# Each reads the trace by itself.
WEBHOOKS_MAX = 16
# In one request: at most so many, and so many octets, which any server's limit admits.
BATCH_EVENTS_MAX = 100
BATCH_OCTETS_MAX = 256 * 1024
# So many times as many as are due may be delays that are not told yet.
_DELAYS_FACTOR = 10
# A delivery that is done twice after a crash comes within minutes; 60 octets each.
_TOLD_SECONDS = 86_400.0
_TOLD_MAX = 200_000

_ADD = """
INSERT INTO waiting (hook, id, time, due, body)
SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS DOUBLE PRECISION),
  CAST(? AS DOUBLE PRECISION), CAST(? AS TEXT)
WHERE NOT EXISTS (SELECT 1 FROM told WHERE hook = ? AND id = ?) ON CONFLICT DO NOTHING
"""
_ADD_HOOK = """
INSERT INTO hook (name, url, secret, events, created) VALUES (?, ?, ?, ?, ?) RETURNING number
"""
_SET_CURSOR = """
INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT (hook, file) DO UPDATE SET id = excluded.id
"""
_SET_TOLD = """
INSERT INTO told VALUES (?, ?, ?) ON CONFLICT (hook, id) DO UPDATE SET at = excluded.at
"""
_NEXT = """
SELECT number, id, body FROM waiting WHERE hook = ? AND due <= ? ORDER BY due, number LIMIT ?
"""
_HOOK = "number, name, url, secret, events, created, failures, next_try, last_answer, sent, dropped"


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    number: int
    id: str
    body: str


class WaitingNumbers(NamedTuple):
    """Of a webhook: all, and those that may be sent now."""

    everything: int
    due: int

    def room(self, most: int) -> int:
        """For how many more.  Delays that may pass by themselves are many where a destination is down
        for a moment, and must not keep the others from being read.
        """
        return max(0, min(most - self.due, _DELAYS_FACTOR * most - self.everything))


@dataclass(frozen=True, slots=True)
class BegunConcern:
    key: str
    kind: str
    about: str
    since: float


class WebhookStore:
    """For several threads; its methods block, and raise WebhookDatabaseError.

    `node`: this machine among those that share the database; empty: none does.
    """

    def __init__(self, database: WebhookDatabase, node: str = "") -> None:
        self._database = database
        self._files = f"{node}/" if node else ""
        self.is_shared = bool(node)

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        return cls(WebhookFile(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def may_tell(self) -> bool:
        """Whether this process is the one that tells; it may not be for long."""
        return self._database.may_tell()

    # Webhooks.

    def add(
        self,
        name: str,
        url: str,
        events: Iterable[WebhookEvent],
        cursors: Mapping[str, int],
        now: float,
    ) -> Webhook:
        """Raises WebhookError."""
        check_name(name)
        check_url(url)
        wanted = sorted(frozenset(events))
        if not wanted:
            raise WebhookError("say of which events it is to hear")
        with self._database.transaction() as db:
            known = [name for (name,) in db.rows("SELECT name FROM hook")]
            if name in known:
                raise WebhookError(
                    f"there is a webhook {name} already; choose another name, or remove it first"
                )
            if len(known) >= WEBHOOKS_MAX:
                raise WebhookError(
                    f"there are {len(known)} webhooks, which is the most; remove one first"
                )
            ((number,),) = db.rows(_ADD_HOOK, name, url, make_secret(), ",".join(wanted), now)
            rows = [(number, self._files + file, id_) for file, id_ in cursors.items()]
            db.change_each("INSERT INTO cursor VALUES (?, ?, ?)", rows)
        return self.find(name)

    def remove(self, name: str) -> None:
        with self._database.transaction() as db:
            if not db.change("DELETE FROM hook WHERE name = ?", name):
                raise _unknown(name)

    def everyone(self) -> list[Webhook]:
        with self._database.transaction() as db:
            rows = db.rows(f"SELECT {_HOOK} FROM hook ORDER BY name")  # noqa: S608
        return [_webhook(row) for row in rows]

    def find(self, name: str) -> Webhook:
        found = next((one for one in self.everyone() if one.name == name), None)
        if found is None:
            raise _unknown(name)
        return found

    # Events.

    def cursors(self, hook: int) -> Mapping[str, int]:
        with self._database.transaction() as db:
            rows = db.rows("SELECT file, id FROM cursor WHERE hook = ?", hook)
        ours = ((file, id_) for file, id_ in rows if file.startswith(self._files))
        return {file.removeprefix(self._files): id_ for file, id_ in ours}

    def waiting(self, hook: int, now: float) -> WaitingNumbers:
        query = "SELECT count(*), count(*) FILTER (WHERE due <= ?) FROM waiting WHERE hook = ?"
        with self._database.transaction() as db:
            (numbers,) = db.rows(query, now, hook)
        return WaitingNumbers(*numbers)

    def take(
        self,
        hook: int,
        events: Sequence[ToldEvent],
        *,
        wanted: AbstractSet[WebhookEvent],
        delayed_seconds: float,
        oldest: float,
        cursor: tuple[str, int],
    ) -> int:
        """Events that were read, and how far.  Those that are `wanted` wait, but what is older than
        `oldest` is dropped: how many were.
        """
        meant = [one for one in events if one.event in wanted]
        fresh = [one for one in meant if one.time >= oldest]
        rows = [
            (
                hook,
                one.id,
                one.time,
                one.time + _patience(one, delayed_seconds),
                one.body,
                hook,
                one.id,
            )
            for one in fresh
        ]
        over = [(hook, one.delayed) for one in events if one.delayed]
        file, id_ = cursor
        with self._database.transaction() as db:
            if not _is_there(db, hook):
                return 0
            db.change_each(_ADD, rows)
            db.change_each("DELETE FROM waiting WHERE hook = ? AND id = ?", over)
            db.change(_SET_CURSOR, hook, self._files + file, id_)
            _add_dropped(db, hook, len(meant) - len(fresh))
        return len(meant) - len(fresh)

    def next_batch(self, hook: int, now: float) -> list[WaitingEvent]:
        with self._database.transaction() as db:
            rows = db.rows(_NEXT, hook, now, BATCH_EVENTS_MAX)
        batch: list[WaitingEvent] = []
        octets = 0
        for row in rows:
            octets += len(row[2].encode())
            if batch and octets > BATCH_OCTETS_MAX:
                break
            batch.append(WaitingEvent(*row))
        return batch

    def taken(self, hook: int, batch: Sequence[WaitingEvent], answer: str, now: float) -> None:
        """They are remembered by their ids."""
        with self._database.transaction() as db:
            if not _is_there(db, hook):
                return
            numbers = [(one.number,) for one in batch]
            db.change_each("DELETE FROM waiting WHERE number = ?", numbers)
            db.change_each(_SET_TOLD, [(hook, one.id, now) for one in batch])
            db.change(
                "UPDATE hook SET failures = 0, next_try = 0, last_answer = ?, sent = sent + ? "
                "WHERE number = ?",
                *(answer, len(batch), hook),
            )

    def failures(self, hook: int) -> int:
        """Since it last took something."""
        with self._database.transaction() as db:
            rows = db.rows("SELECT failures FROM hook WHERE number = ?", hook)
        return int(rows[0][0]) if rows else 0

    def not_taken(self, hook: int, answer: str, next_try: float) -> None:
        with self._database.transaction() as db:
            db.change(
                "UPDATE hook SET failures = failures + 1, next_try = ?, last_answer = ? WHERE number = ?",
                *(next_try, answer, hook),
            )

    def drop_old(self, hook: int, oldest: float, now: float) -> int:
        """How many that waited were older; ids of what was told long ago go, too."""
        with self._database.transaction() as db:
            gone = db.change("DELETE FROM waiting WHERE hook = ? AND time < ?", hook, oldest)
            _add_dropped(db, hook, gone)
            db.change("DELETE FROM told WHERE hook = ? AND at < ?", hook, now - _TOLD_SECONDS)
            ((told,),) = db.rows("SELECT count(*) FROM told WHERE hook = ?", hook)
            db.change(
                "DELETE FROM told WHERE hook = ? AND id IN "
                "(SELECT id FROM told WHERE hook = ? ORDER BY at LIMIT ?)",
                *(hook, hook, max(told - _TOLD_MAX, 0)),
            )
        return gone

    # Concerns.

    def begun(self, hook: int) -> list[BegunConcern]:
        with self._database.transaction() as db:
            rows = db.rows("SELECT key, kind, about, since FROM concern WHERE hook = ?", hook)
        return [BegunConcern(*row) for row in rows]

    def set_begun(
        self, hook: int, begun: Iterable[BegunConcern], events: Sequence[ToldEvent]
    ) -> None:
        """With what is told of those that began and ended since, in one transaction."""
        rows = [(hook, one.key, one.kind, one.about, one.since) for one in begun]
        told = [(hook, one.id, one.time, one.time, one.body, hook, one.id) for one in events]
        with self._database.transaction() as db:
            if not _is_there(db, hook):
                return
            db.change("DELETE FROM concern WHERE hook = ?", hook)
            db.change_each("INSERT INTO concern VALUES (?, ?, ?, ?, ?)", rows)
            db.change_each(_ADD, told)


def _is_there(db: Statements, hook: int) -> bool:
    """It may have been removed since it was read."""
    return bool(db.rows("SELECT 1 FROM hook WHERE number = ?", hook))


def _add_dropped(db: Statements, hook: int, number: int) -> None:
    if number:
        db.change("UPDATE hook SET dropped = dropped + ? WHERE number = ?", number, hook)


def _patience(one: ToldEvent, delayed_seconds: float) -> float:
    """A delay is told once it has lasted."""
    return delayed_seconds if one.event is WebhookEvent.DELAYED else 0.0


def _webhook(row: tuple[Any, ...]) -> Webhook:
    number, name, url, secret, events, *rest = row
    wanted = frozenset(map(WebhookEvent, events.split(",")))
    return Webhook(number, name, url, secret, wanted, *rest)


def _unknown(name: str) -> WebhookError:
    return WebhookError(f"there is no webhook {name}; `kairan webhook list` shows them")
