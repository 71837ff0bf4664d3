"""Members as messages get them: the stored list, or what the filter says now."""

from collections.abc import Iterator, Sequence

from kairan.directory.dynamic.rules import interval
from kairan.directory.dynamic.settings import DynamicGroupSettings
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.settings import ANY_FILTER
from kairan.directory.recipient_filter.tree import Filter
from kairan.directory.store import Directory


class LiveMembers:
    """A source of members for expansion."""

    def __init__(self, directory: Directory, settings: DynamicGroupSettings) -> None:
        self._directory = directory
        self._settings = settings

    def members(self, group: str) -> Iterator[Sequence[str]]:
        """As `Directory.members`; close the iterator when leaving it early."""
        dynamic = self._directory.dynamic_groups.one(group)
        if dynamic is None or interval(dynamic, self._settings):
            yield from self._directory.members(group)
        else:
            tree = parsed(dynamic.filter)
            yield from self._directory.dynamic_groups.members_now(dynamic.address, tree)


def parsed(text: str) -> Filter:
    """One that was stored: what it may be was checked then, and the settings may have changed since."""
    return parse(text, ANY_FILTER)
