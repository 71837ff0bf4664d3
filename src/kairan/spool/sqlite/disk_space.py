"""The ballast: room that is ours when the disk is full.

To record that mail has been delivered is to write, so a disk that others have filled could not be
emptied by delivering.  A file of `ballast_octets` is therefore kept, given up when a write fails,
and made again when there is room.  While it is missing nothing is accepted, so that what it gave
serves to let mail out.
"""

from pathlib import Path

import structlog

from kairan.spool.sqlite.disk import Disk

_log = structlog.get_logger("kairan.spool")

NAME = "ballast"


class Ballast:
    """`make` and `give_up` block: for a thread."""

    def __init__(self, directory: Path, octets: int, disk: Disk) -> None:
        self._path = directory / NAME
        self._octets = octets
        self._disk = disk
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
                _log.warning("spool_no_ballast", error=str(error), octets=self._octets)
            self._said = True

    def give_up(self) -> None:
        if self.missing or not self._octets:
            return
        self.missing, self._said = True, False
        try:
            self._disk.unlink(self._path)
        except OSError as error:
            _log.error("spool_ballast_stuck", error=str(error))

    def remove(self) -> bool:
        """For a start that failed, before anything else is known: was there one to give up?"""
        if not self._path.is_file():
            return False
        self._disk.unlink(self._path)
        return True

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
