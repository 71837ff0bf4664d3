"""The spool's settings, each with its unit and reason."""

from dataclasses import dataclass
from enum import StrEnum


class Durability(StrEnum):
    """What a 250 promises: `fsync` survives a power cut, `os` a crash of the process only.

    `replicated`: it is on a second machine too, where the spool is in PostgreSQL.
    """

    FSYNC = "fsync"
    REPLICATED = "replicated"
    OS = "os"


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    # Experimental.  The database that the nodes share in place of a disk each:
    # postgresql://USER@HOST/DATABASE, or several hosts of which one takes writes (HOST1,HOST2), with
    # options as libpq has them.  A list of URLs is as many databases, independent of each other: each node
    # spreads over them what it takes in.  All nodes name them in one order, and a new one is added at
    # the end.  None: SQLite in the data directory.
    url: str | tuple[str, ...] | None = None
    # fsync: a 250 survives a power cut; os: only a crash of the process, for disks without worth;
    # replicated: it survives the loss of a machine, with `url` and a synchronous standby alone.
    durability: Durability = Durability.FSYNC
    # Message contents up to this stay in the database row; larger ones stream to a file of their own.
    # Measured with 20 at a time: rows 1.8 times as fast at 32 KB, 1.15 at 128 KB, half at 256 KB.
    inline_octets_max: int = 128 * 1024
    # With less free nothing is accepted (452 4.3.1): space for what is in flight and for SQLite's WAL.
    free_octets_min: int = 256 * 1024 * 1024
    free_inodes_min: int = 1_000
    # One shard refuses beyond this many messages; a queue this long is an outage, not a backlog.
    messages_max: int = 5_000_000
    # Ready jobs and fresh message contents held in memory, so that delivery need not read back what was
    # written a moment ago; the rest waits on disk.
    ready_jobs_max: int = 20_000
    fresh_octets_max: int = 64 * 1024 * 1024
    # One commit takes at most this many operations, which bounds how long the first one waits.
    commit_operations_max: int = 2_000
    # Kept free for ourselves, to let mail out of a full disk: twice the WAL's usual length, so
    # that it can be copied into the database. 0: none.
    reserve_octets: int = 64 * 1024 * 1024
    # A stored job that is due later than this from now is due then: a clock that was wrong and is
    # set right must not leave mail waiting for a day or a year.  It is the longest a retry waits;
    # where delivery.retry.max_seconds is more, that counts.
    due_ahead_max_seconds: float = 3600.0
    # How often free space, what operators changed and an unhealthy disk are looked at: an operator's
    # command takes effect, and a freed disk is used again, within about this time.
    look_interval_seconds: float = 1.0
    # With `url`: a node of which the database has heard nothing for so long is taken for dead.  Others
    # deliver what it had leased, and what it still says of that is refused.  Longer than a restart
    # of the database takes, or its failover.
    fence_seconds: float = 30.0

    @property
    def urls(self) -> tuple[str, ...]:
        """One for each database; none for SQLite."""
        return (self.url,) if isinstance(self.url, str) else self.url or ()
