"""The folder of a shard, format 1: what lies in it, and under which name.

    shard-N/            0700, one owner process
        owner.lock      flock'ed by the owner; holds its process id as text
        queue.db        SQLite (schema.py), with its WAL beside it
        bodies/<id>     a content above `inline_octets_max`, named by its message
        bodies/tmp/     contents that are still coming in; emptied at each start
        reserve         space for a full disk (disk_space.py)
        quarantine/     what could not be read (quarantine_folder.py)
        salvage.*       while a start mends the WAL or the database (recovery/)
        moving.json     a move elsewhere that may have taken place (spool/moving/): no service starts here

0.1 had other names for the reserve and the quarantine: a start renames them.  The name
`bodies/` stays, and so does the column `body`, though both hold message contents, header and body: an
older Kairan that is put back would not find its mail under other names.
"""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from kairan.spool.sqlite.disk import DIRECTORY_MODE, Disk, RealDisk
from kairan.spool.sqlite.quarantine_folder import QuarantineFolder
from kairan.spool.sqlite.schema import DATABASE, Connect, connect

_RESERVE, _RESERVE_OF_0_1 = "reserve", "ballast"
_QUARANTINE, _QUARANTINE_OF_0_1 = "quarantine", "damaged"


def content_path(shard: Path, message: int) -> Path:
    """Made of our own numbers only, never of anything a peer sent."""
    return shard / "bodies" / str(message)


# Device and inode of the folder and of the database.
FolderIdentity: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ShardFolder:
    path: Path
    disk: Disk = field(default_factory=RealDisk)
    connect: Connect = connect

    @property
    def database(self) -> Path:
        return self.path / DATABASE

    @property
    def wal(self) -> Path:
        return self.path / f"{DATABASE}-wal"

    @property
    def index(self) -> Path:
        """Of the WAL."""
        return self.path / f"{DATABASE}-shm"

    @property
    def contents(self) -> Path:
        return self.path / "bodies"

    @property
    def incoming(self) -> Path:
        return self.path / "bodies" / "tmp"

    @property
    def reserve(self) -> Path:
        return self.path / _RESERVE

    @property
    def move_order(self) -> Path:
        return self.path / "moving.json"

    @property
    def quarantine(self) -> QuarantineFolder:
        """Where a shard of 0.1 has not been started since, under its old name."""
        old = self.path / _QUARANTINE_OF_0_1
        is_old = old.is_dir() and not (self.path / _QUARANTINE).exists()
        return QuarantineFolder(old if is_old else self.path / _QUARANTINE, self.disk)

    def content(self, message: int) -> Path:
        return content_path(self.path, message)

    def open_database(self) -> sqlite3.Connection:
        return self.connect(self.database)

    def identity(self) -> FolderIdentity:
        """What has these names now.  Blocks; raises OSError, also where one of them is gone."""
        found = [path.stat() for path in (self.path, self.database)]
        return tuple((one.st_dev, one.st_ino) for one in found)

    def make(self) -> None:
        """Blocks; raises OSError."""
        for path in (self.path, self.contents, self.incoming):
            path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        self.quarantine.directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)

    def rename_what_0_1_made(self) -> None:
        """For the owner alone.  Both names are there where an older Kairan was put back meanwhile."""
        old_reserve = self.path / _RESERVE_OF_0_1
        if old_reserve.exists():
            self.disk.rename(old_reserve, self.reserve)
        old, new = self.path / _QUARANTINE_OF_0_1, self.path / _QUARANTINE
        if old.is_dir() and new.is_dir():
            with suppress(OSError):  # nothing in it
                old.rmdir()
                return
            self.quarantine.move(old, "what an older Kairan has put into quarantine meanwhile")
        elif old.is_dir():
            self.disk.rename(old, new)

    def give_up_reserve(self) -> bool:
        """For a start that failed, before anything else is known: was there one to give up?"""
        found = [path for path in (self.reserve, self.path / _RESERVE_OF_0_1) if path.is_file()]
        for path in found:
            self.disk.unlink(path)
        return bool(found)
