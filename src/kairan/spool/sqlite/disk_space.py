"""Space on the disk: whether there is enough to accept more, and a reserve for when there is none.

To record that mail has been delivered is to write, so a disk that others have filled could not be
emptied by delivering.  A file of `reserve_octets` is therefore kept, given up when a write fails,
and made again when there is space.  While it is missing nothing is accepted, so that what it gave
serves to let mail out.
"""

import structlog

from kairan.runtime.counted import counted
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.folder import ShardFolder

log = structlog.get_logger()


def disk_refusal(octets: int, inodes: int, settings: SpoolSettings) -> str | None:
    """Why nothing more can be accepted with so much free, or None."""
    if octets < settings.free_octets_min:
        return f"disk low: {octets} octets free, {settings.free_octets_min} must stay free"
    if inodes < settings.free_inodes_min:
        return f"disk low: {inodes} inodes free, {settings.free_inodes_min} must stay free"
    return None


def count_refusal(messages: int, settings: SpoolSettings) -> str | None:
    if messages < settings.messages_max:
        return None
    return (
        f"queue full: {counted(messages, 'message')}, spool.messages_max is {settings.messages_max}"
    )


class ReserveFile:
    """`make` and `give_up` block: for a thread."""

    def __init__(self, folder: ShardFolder, octets: int) -> None:
        self._path = folder.reserve
        self._octets = octets
        self._disk = folder.disk
        self.missing = octets > 0
        self._said = False

    def make(self) -> None:
        if not self.missing:
            return
        try:
            if not self._is_whole():
                self._allocate()
            self.missing = False
        except OSError as error:
            if not self._said:
                log.warning("spool.no-reserve", reason=str(error), octets=self._octets)
            self._said = True

    def give_up(self) -> None:
        if self.missing or not self._octets:
            return
        self.missing, self._said = True, False
        try:
            self._disk.unlink(self._path)
        except OSError as error:
            log.error("spool.reserve-not-removed", reason=str(error))

    def _is_whole(self) -> bool:
        return self._path.is_file() and self._path.stat().st_size == self._octets

    def _allocate(self) -> None:
        self._disk.unlink(self._path)
        descriptor = self._disk.open_new(self._path)
        try:
            self._disk.allocate(descriptor, self._octets)
        except OSError:
            self._disk.unlink(self._path)
            raise
        finally:
            self._disk.close(descriptor)
