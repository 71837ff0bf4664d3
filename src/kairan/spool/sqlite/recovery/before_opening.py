"""What a start looks at before SQLite opens the queue, for opening it already forgets.

SQLite drops what follows a damaged frame of the WAL, and removes a WAL whose database is missing.
So the WAL is read first (wal.py).  Where acknowledged frames are missing from what SQLite would
replay, the WAL as found goes to damaged/ and one of the frames that read takes its place.  Where
all of them read, mended ones included, that is the queue, whole.  Else salvage.py takes what it
can out of it row by row: pages of different age then stand side by side, and each record's own
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

from kairan.spool.sqlite.disk import Disk
from kairan.spool.sqlite.quarantine_folder import Damage
from kairan.spool.sqlite.recovery.salvage import want_salvage
from kairan.spool.sqlite.recovery.wal import (
    Index,
    Verdict,
    Walk,
    index_of,
    is_proven_whole,
    judge,
    mended,
    walk,
)
from kairan.spool.sqlite.schema import DATABASE, Connect, first_page

_log = structlog.get_logger("kairan.spool")

WAL = f"{DATABASE}-wal"
INDEX = f"{DATABASE}-shm"
_PART = "salvage.wal.part"
_WHOLE = "salvage.wal"
_INDEX_OCTETS = 1_024  # its header is in the first 136


@dataclass(frozen=True, slots=True)
class Before:
    damaged: bool  # contents without a row may be promised mail
    proven: bool  # the WAL holds all that was committed, as the index says


def look_before_opening(directory: Path, connect: Connect, disk: Disk) -> Before:
    """Blocks; a WAL of 32 MiB takes about a quarter of a second."""
    damage = Damage(directory / "damaged", disk)
    foreign = _set_aside_foreign(directory, damage)
    _finish_exchange(directory, disk)
    index = _index(directory)
    with _mapped(directory / WAL) as octets:
        if octets is None:
            return _without_wal(directory, index, damage, foreign=foreign)
        found = walk(octets, index)
        verdict = judge(found, index)
        orphan = _is_missing(directory / DATABASE)
        if verdict.damage is not None:
            _exchange(directory, octets, found, verdict, damage, disk)
        if orphan and found.frames:
            _stand_in(directory, connect, damage, disk)
        elif verdict.damage is None and not foreign:
            return Before(damaged=False, proven=is_proven_whole(found, index))
    return Before(damaged=True, proven=False)


def wal_damage(directory: Path) -> str | None:
    """Why the WAL must not be opened by anybody but a start, or None."""
    with _mapped(directory / WAL) as octets:
        if octets is None:
            return None
        index = _index(directory)
        return judge(walk(octets, index), index).damage


def _without_wal(directory: Path, index: Index | None, damage: Damage, *, foreign: bool) -> Before:
    if index is None or index.frames <= index.copied:
        return Before(damaged=foreign, proven=is_proven_whole(None, index))
    reason = (
        f"the WAL is gone, and {index.frames - index.copied} frames that were committed with it; "
        "after a power cut the index that says so may be an old one"
    )
    damage.put(WAL, b"", reason)
    (directory / INDEX).unlink()
    return Before(damaged=True, proven=False)


def _exchange(
    directory: Path, octets: memoryview, found: Walk, verdict: Verdict, damage: Damage, disk: Disk
) -> None:
    assert verdict.damage is not None
    read = sum(frame.is_worth_replaying for frame in found.frames[: verdict.keep])
    _log.error(
        "spool_wal_damaged",
        reason=verdict.damage,
        frames=verdict.keep,
        unreadable=verdict.keep - read,
    )
    if not verdict.exact:
        want_salvage(directory, verdict.damage)
    disk.unlink(directory / _PART)
    if read:
        descriptor = disk.open_new(directory / _PART)
        try:
            for piece in mended(octets, found, verdict.keep):
                disk.write(descriptor, piece)
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(directory / _PART, directory / _WHOLE)
    details = f"{read} of its {verdict.keep} frames read and were replayed\n"
    damage.move(directory / WAL, verdict.damage, details)
    _finish_exchange(directory, disk)


def _finish_exchange(directory: Path, disk: Disk) -> None:
    whole = directory / _WHOLE
    if not whole.exists():
        return
    if (directory / WAL).exists():
        disk.unlink(whole)
        return
    disk.unlink(directory / INDEX)
    disk.rename(whole, directory / WAL)
    disk.fsync_directory(directory)


def _stand_in(directory: Path, connect: Connect, damage: Damage, disk: Disk) -> None:
    """A database of one page, for the WAL to be replayed over it; salvage does the rest."""
    reason = "queue.db was missing or empty beside its WAL"
    page = first_page(directory / "salvage.page", connect, disk)
    want_salvage(directory, reason)
    damage.put(DATABASE, b"", reason)
    disk.unlink(directory / DATABASE)
    descriptor = disk.open_new(directory / DATABASE)
    try:
        disk.write(descriptor, page)
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
    disk.fsync_directory(directory)


def _set_aside_foreign(directory: Path, damage: Damage) -> bool:
    """A directory or a link in the place of a file of ours would keep us from starting."""
    found = [directory / name for name in (DATABASE, WAL, INDEX)]
    foreign = [
        path for path in found if path.is_symlink() or (path.exists() and not path.is_file())
    ]
    for path in foreign:
        damage.move(path, "not a file of ours, found in the place of one")
    return bool(foreign)


def _index(directory: Path) -> Index | None:
    try:
        with (directory / INDEX).open("rb") as file:
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
