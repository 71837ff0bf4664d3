"""Due times on disk, against a clock that was wrong when they were written.

A clock that ran a year ahead and is set right leaves jobs that are due in a year.  No retry is put
off for longer than `SpoolSettings.due_ahead_max_seconds`, so what is due later than that from now
is due then.
"""

import sqlite3

_CAP = """
UPDATE job SET due = ?1 WHERE (message, number) IN
    (SELECT message, number FROM job WHERE held = 0 AND due > ?1 ORDER BY due LIMIT ?2)
"""
# A statement of this many jobs takes a few hundredths of a second, which a commit may wait.
_STEP_JOBS = 2_000


def cap_due(db: sqlite3.Connection, latest: float) -> int:
    """How many jobs were due later than `latest`, and are due then now.  An index finds them."""
    capped = 0
    while changed := _cap_some(db, latest):
        capped += changed
    return capped


def _cap_some(db: sqlite3.Connection, latest: float) -> int:
    late = db.execute("SELECT 1 FROM job WHERE held = 0 AND due > ? LIMIT 1", (latest,)).fetchone()
    return 0 if late is None else max(0, db.execute(_CAP, (latest, _STEP_JOBS)).rowcount)
