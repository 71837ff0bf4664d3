"""When a list is due, and when a change is too large to be made by nobody: plain functions."""

from kairan.directory.dynamic.settings import KEPT_RETRY_SECONDS, DynamicGroupSettings
from kairan.directory.model import DynamicGroup, ListChange


def is_too_much(change: ListChange, settings: DynamicGroupSettings) -> bool:
    """From nobody to somebody is never: nobody loses anything, and each group begins so."""
    changed = change.added + change.removed
    if not settings.change_max_percent or not change.before or changed <= settings.change_free:
        return False
    return changed * 100 > settings.change_max_percent * change.before


def interval(group: DynamicGroup, settings: DynamicGroupSettings) -> int:
    """0: at every message."""
    own = group.refresh_seconds
    return settings.refresh_seconds if own is None else own


def is_due(group: DynamicGroup, settings: DynamicGroupSettings, now: float) -> bool:
    """One that is looked at with every message is never: its stored members are not asked for.

    A clock that was set back makes nothing late: what is stored from later than now is due.
    """
    seconds = interval(group, settings)
    if not seconds:
        return False
    if group.kept_since:
        seconds = min(seconds, KEPT_RETRY_SECONDS)
    return not 0 <= now - group.looked_at < seconds
