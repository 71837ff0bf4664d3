"""How fresh the members of dynamic groups are, and how much may change at once."""

from dataclasses import dataclass

# Fewer than any group is refreshed by; a look costs one small question.
LOOK_SECONDS = 15.0
# After a stop of days lists are old; the worker's own start goes first.
FIRST_LOOK_SECONDS = 1.0
# One node refreshes for all that is due.  When it dies over that, another takes over after so long; a
# refresh of a million people takes a minute at most.
LEASE_SECONDS = 300
# A list that was kept back is looked at again so soon, whatever its interval: its source may be whole again.
KEPT_RETRY_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class DynamicGroupSettings:
    # Members are found anew so often, unless a group has an interval of its own; 24 hours is what Exchange
    # Online does.  0: at every message, by a search through the whole directory.
    refresh_seconds: int = 86_400
    # A refresh that would add and remove more than this share of the list, in percent, needs somebody's
    # yes, and the service keeps the list as it is and alerts: a source that has lost its people, or a wrong
    # attribute, must not decide who gets the next message.  0: any change is taken.
    change_max_percent: int = 20
    # So many may come and go whatever share that is: in a group of five one is a fifth.
    change_free: int = 10
