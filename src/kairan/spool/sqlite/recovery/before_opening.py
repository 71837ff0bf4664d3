"""What a start looks at before SQLite opens the queue, for opening it already forgets.

SQLite drops what follows a damaged frame of the WAL, and removes a WAL whose database is missing.
So the WAL is read first (wal.py).  Where acknowledged frames are missing from what SQLite would
replay, the WAL as found goes into quarantine and one of the frames that read takes its place.  Where
all of them read, mended ones included, that is the queue, whole.  Else salvage.py takes what it
can out of it row by row: pages of different age then lie side by side, and each record's own
checksum judges.

The exchange, each step safe to be the last: `salvage.wal` is written and synced; the WAL is moved;
`salvage.wal` takes its name.  A start that finds `salvage.wal` and no WAL does the last step; one
that finds both begins again.
"""

import mmap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.recovery.salvage import want_salvage
from kairan.spool.sqlite.recovery.wal import (
    Index,
    Walk,
    WalVerdict,
    index_of,
    is_proven_whole,
    judge,
    mended,
    walk,
)
from kairan.spool.sqlite.schema import DATABASE, first_page

log = structlog.get_logger()

_PART = "salvage.wal.part"
_WHOLE = "salvage.wal"
_INDEX_OCTETS = 1_024  # its header is in the first 136


@dataclass(frozen=True, slots=True)
class Before:
    damaged: bool  # contents without a row may be promised mail
    proven: bool  # the WAL holds all that was committed, as the index says


def look_before_opening(folder: ShardFolder) -> Before:
    """Blocks; a WAL of 32 MiB takes about a quarter of a second."""
    foreign = _quarantine_foreign(folder)
    _finish_exchange(folder)
    index = _index(folder)
    with _mapped(folder.wal) as octets:
        if octets is None:
            return _without_wal(folder, index, foreign=foreign)
        found = walk(octets, index)
        verdict = judge(found, index)
        orphan = _is_missing(folder.database)
        if verdict.damage is not None:
            _exchange(folder, octets, found, verdict)
        if orphan and found.frames:
            _stand_in(folder)
        elif verdict.damage is None and not foreign:
            return Before(damaged=False, proven=is_proven_whole(found, index))
    return Before(damaged=True, proven=False)


def wal_damage(folder: ShardFolder) -> str | None:
    """Why only a start may open the WAL, or None."""
    with _mapped(folder.wal) as octets:
        if octets is None:
            return None
        index = _index(folder)
        return judge(walk(octets, index), index).damage


def _without_wal(folder: ShardFolder, index: Index | None, *, foreign: bool) -> Before:
    if index is None or index.frames <= index.copied:
        return Before(damaged=foreign, proven=is_proven_whole(None, index))
    reason = (
        f"the WAL is gone, and {index.frames - index.copied} frames that were committed with it; "
        "after a power cut the index that says so may be an old one"
    )
    folder.quarantine.put(folder.wal.name, b"", reason)
    folder.index.unlink()
    return Before(damaged=True, proven=False)


def _exchange(folder: ShardFolder, octets: memoryview, found: Walk, verdict: WalVerdict) -> None:
    assert verdict.damage is not None
    disk = folder.disk
    part = folder.path / _PART
    read = sum(frame.is_worth_replaying for frame in found.frames[: verdict.keep])
    log.error(
        "spool.wal-damaged",
        reason=verdict.damage,
        frames=verdict.keep,
        unreadable=verdict.keep - read,
    )
    if not verdict.exact:
        want_salvage(folder, verdict.damage)
    disk.unlink(part)
    if read:
        descriptor = disk.open_new(part)
        try:
            for piece in mended(octets, found, verdict.keep):
                disk.write(descriptor, piece)
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(part, folder.path / _WHOLE)
    details = f"{read} of its {verdict.keep} frames read and were replayed\n"
    folder.quarantine.move(folder.wal, verdict.damage, details)
    _finish_exchange(folder)


def _finish_exchange(folder: ShardFolder) -> None:
    whole = folder.path / _WHOLE
    if not whole.exists():
        return
    if folder.wal.exists():
        folder.disk.unlink(whole)
        return
    folder.disk.unlink(folder.index)
    folder.disk.rename(whole, folder.wal)
    folder.disk.fsync_directory(folder.path)


def _stand_in(folder: ShardFolder) -> None:
    """A database of one page, for the WAL to be replayed over it; salvage does the rest."""
    reason = "queue.db was missing or empty beside its WAL"
    disk = folder.disk
    page = first_page(folder.path / "salvage.page", folder.connect, disk)
    want_salvage(folder, reason)
    folder.quarantine.put(DATABASE, b"", reason)
    disk.unlink(folder.database)
    descriptor = disk.open_new(folder.database)
    try:
        disk.write(descriptor, page)
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
    disk.fsync_directory(folder.path)


def _quarantine_foreign(folder: ShardFolder) -> bool:
    """A directory or a link in the place of a file of ours would keep us from starting."""
    foreign = [
        path
        for path in (folder.database, folder.wal, folder.index)
        if path.is_symlink() or (path.exists() and not path.is_file())
    ]
    for path in foreign:
        folder.quarantine.move(path, "not a file of ours, found in the place of one")
    return bool(foreign)


def _index(folder: ShardFolder) -> Index | None:
    try:
        with folder.index.open("rb") as file:
            return index_of(file.read(_INDEX_OCTETS))
    except FileNotFoundError:
        return None


def _is_missing(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview | None]:
    """None: there is nothing in it."""
    if _is_missing(path):
        yield None
        return
    with (
        path.open("rb") as file,
        closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as octets,
        memoryview(octets) as view,
    ):
        yield view
