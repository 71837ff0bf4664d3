"""Who is in a group, when groups nest: rules without a server."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """`people` and `groups` are ids.  A group without an address cannot be written to, so that its
    members count as those of the groups around it.
    """

    id: str
    has_address: bool
    people: frozenset[str]
    groups: frozenset[str]


def members_of(group: ReadGroup, everything: Mapping[str, ReadGroup]) -> frozenset[str]:
    """Ids of people and of groups with an address; the latter are opened when mail comes."""
    found: set[str] = set()
    seen = {group.id}
    waiting = [group]
    while waiting:
        one = waiting.pop()
        found |= one.people
        for id_ in one.groups - seen:
            seen.add(id_)
            inner = everything.get(id_)
            if inner is None or inner.has_address:
                found.add(id_)
            else:
                waiting.append(inner)
    return frozenset(found - {group.id})
