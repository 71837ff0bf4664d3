"""What operators' commands do to mail, as events of the trace: who held, released, retried, dropped.

`trace-commands.db`, a file of the trace like those of the workers (record.py).  Commands run beside
the service and beside each other, so they take turns by a lock: a file of the trace has one writer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from kairan.runtime.files import locked
from kairan.trace.audit_file import who
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

_NAME = "trace-commands"
# A command may change a million jobs, and unlike a worker it can wait: 4 MB of events at a time.
_WAITING_MAX = 10_000


# With the event's name, and message_id, sender, recipient and spool_id by name.
Record: TypeAlias = Callable[..., None]


@contextmanager
def command_trace(folder: Path, settings: TraceSettings, *, by: str = "") -> Iterator[Record]:
    """A function that records an event of a message, and waits while the disk is behind.  `by`: who
    acts, where it is not the user of this process.  What concerns no single message says `what` it does.

    Raises OSError or sqlite3.Error where the trace cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"{_NAME}.lock"):
        trace = Trace(folder / f"{_NAME}.db", settings)
        actor = f"by {by or by_whom()}"

        def record(event: str, *, what: str = "", **facts: Any) -> None:
            while trace.statistics().waiting >= _WAITING_MAX:
                time.sleep(0.01)
            trace.record(event, detail=f"{what}, {actor}" if what else actor, **facts)

        try:
            yield record
        finally:
            trace.close()


def by_whom() -> str:
    """The person, as far as the machine knows: who became root by sudo, else the process's user."""
    facts = who()
    user = facts.get("sudo_user") or facts.get("user") or "?"
    login = f", login uid {facts['login_uid']}" if "login_uid" in facts else ""
    return f"{user} (uid {facts['uid']}{login})"
