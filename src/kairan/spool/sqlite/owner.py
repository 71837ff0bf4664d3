"""One shard, one owner."""

from pathlib import Path

from kairan.runtime.folder_lock import FolderLockedError, check_unlocked, lock_folder

LOCK = "owner.lock"


class ShardLockedError(RuntimeError):
    """Another process owns the shard."""


def own(directory: Path) -> int:
    """The descriptor that holds the lock; closing it gives the shard up."""
    try:
        return lock_folder(directory / LOCK)
    except FolderLockedError as error:
        raise ShardLockedError(
            f"The shard {directory} is held by {error.holder}. "
            "Stop that service, or give this one another directory."
        ) from None


def is_owned(directory: Path) -> bool:
    """Whether a process owns the shard at this moment."""
    try:
        check_unlocked(directory / LOCK)
    except FolderLockedError:
        return True
    return False
