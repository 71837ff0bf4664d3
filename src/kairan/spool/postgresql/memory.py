"""What this worker has leased: jobs that wait to be handed out, jobs that were, and their messages.

Every job here stands in the database with our epoch as its lease, so nobody else has it.  Fresh
mail is leased by the commit that stores it, as long as there is room, and its delivery reads
nothing.  What has no room is leased to nobody and comes by `leasing`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, nsmallest
from typing import TypeAlias

from kairan.mail.envelope import ContentFile, Envelope
from kairan.spool.interface import Job, JobId, Lease, SpoolId

WaitingPlace: TypeAlias = tuple[float, int, int]  # due, message, number

# What the objects of a message or a recipient cost in memory, beside their text.
_MESSAGE_OCTETS = 1_000
_RECIPIENT_OCTETS = 200


@dataclass(slots=True)
class _Message:
    envelope: Envelope
    content: bytes | None = None
    file: ContentFile | None = None  # read from the database, verified
    octets: int = 0
    jobs: int = 0  # that we have leased


@dataclass(slots=True)
class SpoolCounters:
    messages: int = 0
    recipients: int = 0
    held: int = 0
    deferred: int = 0
    quarantined: int = 0
    appended: int = 0
    # What this worker said of jobs that were another's by then: they may have been delivered twice.
    refused: int = 0


def octets_of(content: bytes | None, recipients: int) -> int:
    return len(content or b"") + _MESSAGE_OCTETS + _RECIPIENT_OCTETS * recipients


@dataclass(slots=True)
class LeasedJobs:
    octets_max: int
    forget_file: Callable[[ContentFile], None]
    counters: SpoolCounters = field(default_factory=SpoolCounters)
    _octets: int = 0  # of what is here, and of what is on its way
    _heap: list[WaitingPlace] = field(default_factory=list)
    _waiting: dict[JobId, Job] = field(default_factory=dict)
    _out: dict[JobId, Job] = field(default_factory=dict)
    _staged: set[JobId] = field(default_factory=set)  # of those that are out
    _messages: dict[int, _Message] = field(default_factory=dict)

    # -- room ------------------------------------------------------------------------------------

    def reserve(self, octets: int) -> bool:
        if self._octets + octets > self.octets_max:
            return False
        self._octets += octets
        return True

    def unreserve(self, octets: int) -> None:
        self._octets -= octets

    # -- coming and going ------------------------------------------------------------------------

    def take_in(
        self, job: Job, envelope: Envelope, content: bytes | None = None, octets: int = 0
    ) -> None:
        """A job that is leased to us in the database; `octets` were reserved for it."""
        message = self._messages.setdefault(job.id.message, _Message(envelope))
        message.jobs += 1
        message.octets += octets
        if content is not None:
            message.content = content
        self._wait(job)

    def hand_out(self, limit: int, now: float) -> list[Lease]:
        leases: list[Lease] = []
        early: list[WaitingPlace] = []
        while self._heap and len(leases) < limit and self._heap[0][0] <= now:
            place = heappop(self._heap)
            id_ = self._as_id(place)
            job = self._waiting.get(id_)
            if job is None or job.due != place[0]:
                continue  # a place of a job that has gone
            if id_ in self._out:
                # Put off, and leased anew before we have heard that this was written.
                early.append(place)
                continue
            self._out[id_] = self._waiting.pop(id_)
            leases.append(Lease(job, self._messages[job.id.message].envelope))
        for place in early:
            heappush(self._heap, place)
        return leases

    def give_back(self, job: Job) -> None:
        del self._out[job.id]
        self._staged.discard(job.id)
        self._wait(job)

    def end_lease(self, id_: JobId) -> None:
        """What became of a job that was handed out is durable."""
        if self._out.pop(id_, None) is not None:
            self._staged.discard(id_)
            self._let_go(id_.message)

    def forget_waiting(self) -> list[JobId]:
        """Those that were not handed out; they are nobody's."""
        found = list(self._waiting)
        self._waiting.clear()
        self._heap.clear()
        for id_ in found:
            self._let_go(id_.message)
        return found

    def waiting(self) -> list[JobId]:
        return list(self._waiting)

    def all_ids(self) -> list[JobId]:
        return [*self._waiting, *self._out]

    def forget_all(self) -> None:
        """They are others' now."""
        self.forget_waiting()
        for id_ in list(self._out):
            self.end_lease(id_)

    def nth_due(self, count: int, now: float) -> float:
        """When the `count`-th of those that wait is due; `now`, where fewer do."""
        if len(self._waiting) < count:
            return now
        return min(now, nsmallest(count, self._heap)[-1][0])

    def next_due(self) -> float | None:
        while self._heap and self._as_id(self._heap[0]) not in self._waiting:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    # -- what is known of them -------------------------------------------------------------------

    def is_out(self, id_: JobId) -> bool:
        return id_ in self._out

    def envelope(self, message: SpoolId) -> Envelope:
        return self._messages[message].envelope

    def has_staged(self, id_: JobId) -> bool:
        return id_ in self._staged

    def staged(self, id_: JobId, *, some: bool) -> None:
        if some:
            self._staged.add(id_)
        else:
            self._staged.discard(id_)

    def content(self, message: SpoolId) -> bytes | ContentFile | None:
        found = self._messages.get(message)
        if found is None:
            return None
        return found.content if found.content is not None else found.file

    def keep(self, message: SpoolId, content: bytes) -> None:
        """Its other jobs will want it too."""
        found = self._messages.get(message)
        if found is not None and found.content is None and self.reserve(len(content)):
            found.octets += len(content)
            found.content = content

    def keep_file(self, message: SpoolId, file: ContentFile) -> None:
        found = self._messages.get(message)
        if found is None:
            self.forget_file(file)
        else:
            found.file = file

    # --------------------------------------------------------------------------------------------

    def _wait(self, job: Job) -> None:
        self._waiting[job.id] = job
        heappush(self._heap, (job.due, *job.id))
        if len(self._heap) > 2 * len(self._waiting) + 100:  # places of jobs that have gone
            self._heap = [(one.due, *one.id) for one in self._waiting.values()]
            heapify(self._heap)

    @staticmethod
    def _as_id(place: WaitingPlace) -> JobId:
        return JobId(SpoolId(place[1]), place[2])

    def _let_go(self, message: int) -> None:
        found = self._messages[message]
        found.jobs -= 1
        if found.jobs:
            return
        self._octets -= found.octets
        del self._messages[message]
        if found.file is not None:
            self.forget_file(found.file)
