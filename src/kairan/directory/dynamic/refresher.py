"""Refreshes what is due: in one worker of each node, and of the nodes in the one that has the lease."""

import asyncio
import uuid
from collections.abc import Callable

import structlog

from kairan.directory.dynamic.live import parsed
from kairan.directory.dynamic.rules import is_due, is_too_much
from kairan.directory.dynamic.settings import (
    FIRST_LOOK_SECONDS,
    LEASE_SECONDS,
    LOOK_SECONDS,
    DynamicGroupSettings,
)
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup, ListChange
from kairan.directory.operations.dynamic_groups import LargeChangeError
from kairan.directory.store import Directory

log = structlog.get_logger()

LEASE = "dynamic-groups"


def refresh(
    directory: Directory,
    group: DynamicGroup,
    settings: DynamicGroupSettings,
    *,
    now: float,
    by: str,
) -> ListChange | LargeChangeError:
    """Blocks.  A change that is too large is noted, and the list stays."""
    try:
        return directory.dynamic_groups.refresh(
            group.address,
            parsed(group.filter),
            now=int(now),
            by=by,
            refuses=lambda change: is_too_much(change, settings),
        )
    except LargeChangeError as error:
        directory.dynamic_groups.note_kept(group.address, error.change, now=int(now), by=by)
        return error


class GroupRefresher:
    """`node`: this machine, as it stands in the history."""

    def __init__(
        self,
        directory: Directory,
        settings: DynamicGroupSettings,
        *,
        node: str,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._node = node
        # Machines may have one name, as containers do, and a machine two services.
        self._holder = f"{node} {uuid.uuid4().hex}"
        self._clock = clock

    async def run(self) -> None:
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Blocks.  One group that fails keeps no other from its turn."""
        try:
            if self._due() and self._has_lease():
                try:
                    self._refresh_due()
                finally:
                    self._directory.leases.release(LEASE, self._holder)
        except DirectoryError as error:
            log.warning("directory.groups-not-refreshed", reason=str(error))

    def _due(self) -> list[DynamicGroup]:
        everyone = self._directory.dynamic_groups.everyone()
        return [one for one in everyone if is_due(one, self._settings, self._clock())]

    def _has_lease(self) -> bool:
        now = int(self._clock())
        return self._directory.leases.take(LEASE, self._holder, now, LEASE_SECONDS)

    def _refresh_due(self) -> None:
        """Asked anew: whoever had the lease before has refreshed what was due."""
        for group in self._due():
            if not self._has_lease():
                return
            self._refresh(group, self._clock())

    def _refresh(self, group: DynamicGroup, now: float) -> None:
        try:
            found = refresh(self._directory, group, self._settings, now=now, by=self._node)
        except DirectoryError as error:  # removed meanwhile, or the database is away
            log.warning("directory.group-not-refreshed", group=group.address, reason=str(error))
            return
        if isinstance(found, LargeChangeError):
            change = found.change
            log.warning(
                "directory.group-list-kept",
                group=group.address,
                members=change.before,
                added=change.added,
                removed=change.removed,
                percent_max=self._settings.change_max_percent,
            )
        elif found.added or found.removed:
            log.info(
                "directory.group-refreshed",
                group=group.address,
                members=found.after,
                added=found.added,
                removed=found.removed,
            )
