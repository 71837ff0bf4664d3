"""What to ask a directory server for, and a reading from its answers.

    whole     at first, and when it is told to: all people with all that is known of them, all groups
    sweep     each hour: who has changed; the ids of all, which shows who was deleted; all groups
    changes   in between: people and groups that have changed

Active Directory counts its changes (uSNChanged), each server for itself: a mark names the server, and
another one is asked for everything.  Others have the time of the last change (modifyTimestamp), with
a second's grain, so that we look a minute back.  Who is deleted is in neither; the control that would
show it (1.2.840.113556.1.4.417), and DirSync, are not in bonsai's power.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import blake2b

from kairan.directory.sources.attribute_names import AttributeNames, attribute_names
from kairan.directory.sources.ldap.membership import ReadGroup, members_of
from kairan.directory.sources.ldap.names import digest, escaped
from kairan.directory.sources.ldap.server import FoundEntry, LdapServer, RootEntry, connected
from kairan.directory.sources.ldap.staged import PackedPeople, StagedPeople
from kairan.directory.sources.mapping import (
    group_of,
    has_address,
    id_of,
    person_of,
    seconds_of,
)
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.values import (
    Present,
    Reading,
    SourceGroup,
    SourcePerson,
    SourceProblem,
)

# Clocks of servers that copy from each other differ, and a change comes with its first server's time.
_LOOK_BACK_SECONDS = 60
# More members than this are looked up by one search for everybody instead of one for each.
_LOOKUPS_MAX = 1_000
_PROBLEMS_MAX = 10_000
# In OpenLDAP and its kin, unless the settings say otherwise.
_ELSEWHERE = {"id": "entryUUID", "whenCreated": "createTimestamp"}
_IN_CHAIN = (
    "1.2.840.113556.1.4.1941"  # LDAP_MATCHING_RULE_IN_CHAIN, [MS-ADTS] section 3.1.1.3.4.4.3
)
_CHANGED = ("usnchanged", "modifytimestamp")


class Extent(Enum):
    WHOLE = "whole"
    SWEEP = "sweep"
    CHANGES = "changes"


ReadProgress = Callable[[int], None]
"""Called with the number of entries read so far."""


def read_ldap(
    settings: SourceSettings,
    extent: Extent,
    mark: str,
    *,
    on_progress: ReadProgress | None = None,
) -> Reading:
    """Raises SourceDownError where no server answers as it should."""
    people = StagedPeople()
    rest = read_people(settings, extent, mark, people.packed, on_progress=on_progress)
    return replace(rest, people=people)


def read_people(
    settings: SourceSettings,
    extent: Extent,
    mark: str,
    people: PackedPeople,
    *,
    on_progress: ReadProgress | None = None,
) -> Reading:
    """The reading but for its people, who are handed on as they come."""
    every = attribute_names(settings.attributes)
    asked = sorted(
        {*every.of_people, *every.of_groups, *_ELSEWHERE.values(), *_CHANGED, "objectclass"}
    )
    with connected(settings, sorted({one.lower() for one in asked})) as server:
        root = server.root()
        called = every if root.is_active_directory else _elsewhere(settings)
        since = _since(mark, _query(settings), root)
        look = _Look(settings, server, root, called, since, on_progress)
        return look.taken(Extent.WHOLE if since is None else extent, people)


def _elsewhere(settings: SourceSettings) -> AttributeNames:
    return attribute_names({**_ELSEWHERE, **dict(settings.attributes)}.items())


def _query(settings: SourceSettings) -> str:
    """A mark holds for these questions alone."""
    asked = (settings.base, settings.people_filter, settings.groups_filter, settings.attributes)
    return blake2b(repr(asked).encode(), digest_size=8).hexdigest()


def _since(mark: str, query: str, root: RootEntry) -> str | None:
    """A number of changes, or a time; None: from the beginning."""
    try:
        found = json.loads(mark)
        is_same = found["query"] == query and found["service"] == root.service
        return str(found["since"]) or None if is_same else None
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(slots=True)
class _Everybody:
    """Ids by names: of all that were seen, if all were looked for."""

    people: dict[bytes, str] = field(default_factory=dict)
    groups: dict[bytes, str] = field(default_factory=dict)


class _Look:
    def __init__(
        self,
        settings: SourceSettings,
        server: LdapServer,
        root: RootEntry,
        called: AttributeNames,
        since: str | None,
        on_progress: ReadProgress | None,
    ) -> None:
        self._settings = settings
        self._server = server
        self._root = root
        self._called = called
        self._since = since
        self._tell = on_progress
        self._changed = "usnchanged" if root.is_active_directory else "modifytimestamp"
        self._newest = ""  # the latest time of a change that was seen
        self._seen = 0
        self._problems: list[SourceProblem] = []

    def taken(self, extent: Extent, people: PackedPeople) -> Reading:
        everybody = _Everybody()
        only = "" if extent is Extent.WHOLE else self._condition()
        for entry in self._search(self._settings.people_filter, only, self._called.of_people):
            id_ = self._id(entry)
            if not id_:
                continue
            everybody.people[digest(entry.dn)] = id_
            found = person_of(entry.values, self._called)
            if isinstance(found, SourcePerson):
                people.add(found)
            else:
                self._problem(found)
        people.flush()
        groups: list[SourceGroup] | None = None
        if extent is Extent.CHANGES:
            groups = self._changed_groups()
            if groups is None:  # which asks for all of them
                extent = Extent.SWEEP
        if extent is Extent.SWEEP:
            everybody.people = self._ids(self._settings.people_filter)
        if groups is None:
            groups = self._all_groups(everybody)
        present = None
        if extent is not Extent.CHANGES:
            present = Present(
                frozenset(everybody.people.values()), frozenset(one.id for one in groups)
            )
        return Reading(
            groups=groups, present=present, problems=tuple(self._problems), mark=self._mark()
        )

    # -- questions ---------------------------------------------------------------------------------

    def _search(
        self, wanted: str, condition: str, attributes: Sequence[str]
    ) -> Iterator[FoundEntry]:
        wanted = f"(&{wanted}{condition})" if condition else wanted
        asked = sorted({*attributes, self._changed, "objectclass"})
        for entry in self._server.search(self._root.base, wanted, asked):
            time = next(iter(entry.values.get("modifytimestamp", ())), b"").decode(errors="replace")
            if time > self._newest and seconds_of(time) is not None:
                self._newest = time
            self._seen += 1
            if self._tell is not None:
                self._tell(self._seen)
            yield entry

    def _condition(self) -> str:
        """Who has changed since the mark."""
        assert self._since is not None, "without a mark everything is read"
        if self._root.is_active_directory:
            return f"(uSNChanged>={int(self._since) + 1})"
        return f"(modifyTimestamp>={escaped(self._since)})"

    def _mark(self) -> str:
        if self._root.is_active_directory:
            since = str(self._root.usn)  # asked before the searches, so that nothing falls between
        else:
            seconds = seconds_of(self._newest)
            back = datetime.fromtimestamp((seconds or 0) - _LOOK_BACK_SECONDS, UTC)
            since = back.strftime("%Y%m%d%H%M%SZ") if seconds else (self._since or "")
        mark = {"since": since, "service": self._root.service, "query": _query(self._settings)}
        return json.dumps(mark)

    def _ids(self, wanted: str) -> dict[bytes, str]:
        found = self._search(wanted, "", [self._called["id"]])
        return {digest(one.dn): id_ for one in found if (id_ := id_of(one.values, self._called))}

    def _id(self, entry: FoundEntry) -> str:
        id_ = id_of(entry.values, self._called)
        if not id_:
            sentence = f"{entry.dn} has no {self._called['id']}, or we may not read it"
            self._problem(SourceProblem("", entry.dn, sentence))
        return id_

    def _problem(self, problem: SourceProblem) -> None:
        if len(self._problems) < _PROBLEMS_MAX:
            self._problems.append(problem)

    # -- groups ------------------------------------------------------------------------------------

    def _all_groups(self, everybody: _Everybody) -> list[SourceGroup]:
        entries = list(self._search(self._settings.groups_filter, "", self._called.of_groups))
        everybody.groups = {
            digest(one.dn): id_ for one in entries if (id_ := id_of(one.values, self._called))
        }
        read = {}
        for one in entries:
            if id_ := id_of(one.values, self._called):
                read[id_] = self._read_group(one, id_, everybody)
        found: list[SourceGroup] = []
        for one in entries:
            inner = read.get(id_of(one.values, self._called))
            if inner is not None and inner.has_address:
                self._take_group(one, members_of(inner, read), found)
        return found

    def _read_group(self, entry: FoundEntry, id_: str, everybody: _Everybody) -> ReadGroup:
        people, groups, others = set(), set(), 0
        for dn in self._member_names(entry):
            key = digest(dn)
            if key in everybody.people:
                people.add(everybody.people[key])
            elif key in everybody.groups:
                groups.add(everybody.groups[key])
            else:
                others += 1
        if others and self._root.is_active_directory:
            # Groups that the filter leaves out: the server walks through them.
            chain = f"(memberOf:{_IN_CHAIN}:={escaped(entry.dn)})"
            people.update(self._ids(f"(&{self._settings.people_filter}{chain})").values())
        return ReadGroup(
            id_, has_address(entry.values, self._called), frozenset(people), frozenset(groups)
        )

    def _member_names(self, entry: FoundEntry) -> Iterator[str]:
        """AD gives the members of a large group in ranges, [MS-ADTS] section 3.1.1.3.1.3.3."""
        name = self._called["member"]
        yield from _decoded(entry.values.get(name, ()))
        ranged = _ranged(entry, name)
        while ranged:
            key, last = ranged
            yield from _decoded(entry.values[key])
            if last is None:
                return
            more = self._server.read(entry.dn, [f"{name};range={last + 1}-*"])
            if more is None:
                return
            entry, ranged = more, _ranged(more, name)

    def _take_group(
        self, entry: FoundEntry, members: frozenset[str], found: list[SourceGroup]
    ) -> None:
        one = group_of(entry.values, self._called, members)
        if isinstance(one, SourceGroup):
            found.append(one)
        else:
            self._problem(one)

    def _changed_groups(self) -> list[SourceGroup] | None:
        """None: all have to be read, because one without an address is among them, whose members
        are others', or because there are too many members to look up one by one.
        """
        entries = list(
            self._search(self._settings.groups_filter, self._condition(), self._called.of_groups)
        )
        if not all(has_address(one.values, self._called) for one in entries):
            return None
        found: list[SourceGroup] = []
        lookups = 0
        for one in entries:
            if self._root.is_active_directory:
                members = self._direct_members(one)
            else:
                names = list(self._member_names(one))
                lookups += len(names)
                members = None if lookups > _LOOKUPS_MAX else self._looked_up(names)
            if members is None:
                return None
            if self._id(one):
                self._take_group(one, members, found)
        return found

    def _direct_members(self, entry: FoundEntry) -> frozenset[str] | None:
        """By the members' own word.  None: a group without an address is among them."""
        inside = f"(memberOf={escaped(entry.dn)})"
        inner = list(self._search(self._settings.groups_filter, inside, self._called.of_groups))
        if not all(has_address(one.values, self._called) for one in inner):
            return None
        people = self._ids(f"(&{self._settings.people_filter}{inside})").values()
        return frozenset({*people, *(id_of(one.values, self._called) for one in inner)})

    def _looked_up(self, names: Iterable[str]) -> frozenset[str] | None:
        """None: a group without an address is among them."""
        asked = sorted({*self._called.of_groups, "objectclass"} - {self._called["member"]})
        ids = set()
        for name in names:
            found = self._server.read(name, asked)
            if found is None:
                continue  # a member that was deleted
            if not has_address(found.values, self._called):
                return None
            ids.add(id_of(found.values, self._called))
        return frozenset(ids)


def _ranged(entry: FoundEntry, name: str) -> tuple[str, int | None] | None:
    """The attribute's name with its range, and the last of it; None: up to the end."""
    for key in entry.values:
        if key.startswith(f"{name};range="):
            last = key.rpartition("-")[2]
            return key, int(last) if last.isdigit() else None
    return None


def _decoded(values: Iterable[bytes]) -> Iterator[str]:
    return (one.decode("utf-8", errors="replace") for one in values)
