"""What a source says, as values.  Addresses are keys (lower case), ids the source's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SourcePerson:
    """A person, a room, a contact: whoever becomes a mailbox of the directory."""

    id: str  # never changes: an objectGUID, an entryUUID; in a CSV its column `id`, or the address
    address: str
    aliases: frozenset[str] = frozenset()
    display_name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)  # by names of MAILBOX_ATTRIBUTES
    country_code: int | None = None
    recipient_type: str = "UserMailbox"  # RecipientTypeDetails
    enabled: bool = True
    hidden: bool = False
    when_created: int | None = None  # seconds since the epoch; None: not known


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """`members` are ids of people and groups of the same source; None: they are not known, and stay."""

    id: str
    address: str
    display_name: str = ""
    hidden: bool = False
    members: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """Of a group that was not read as a whole."""

    group: str  # its id
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Present:
    """The ids of all that there are: who is known and not among them has left."""

    people: frozenset[str]
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Who was left out, and why."""

    id: str
    address: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a source brought.

    `people` is gone through more than once, in order, and may be larger than memory.  `mark`: from
    where the next look goes on, in the source's own words; empty: from the beginning.
    """

    people: Iterable[SourcePerson] = ()
    groups: Iterable[SourceGroup] = ()
    memberships: Iterable[MembershipChange] = ()
    gone: frozenset[str] = frozenset()  # ids that were deleted, by the source's own word
    present: Present | None = None  # None: it was not asked for all
    problems: tuple[SourceProblem, ...] = ()
    mark: str = ""

    def rest(self) -> "Reading":
        """It is all there."""
        return self


class ArrivingReading(Protocol):
    """A reading of whose people some are still being read; the rest comes behind the last of them.

    All but a `Reading` are of sources of which the directory holds nobody.
    """

    @property
    def people(self) -> Iterable[SourcePerson]: ...

    def rest(self) -> Reading: ...
