"""What the owner of a shard holds in memory: the ready queue, fresh mail, leases, counters.

A message is *resident* while one of its jobs is leased, or while it is fresh: appended or split a
moment ago and still within `fresh_octets_max`, so that its delivery reads nothing.  When there is
no room for more it is not admitted, rather than another one driven out: the oldest are delivered
first, and driving them out would empty the cache just before it is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kairan.mail.envelope import Envelope
from kairan.spool.changed_jobs import children_of
from kairan.spool.interface import Job, Lease, NewJob, SpoolId
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.ready_queue import JobKey, Place, ReadyQueue
from kairan.spool.sqlite.scan import Counts

# What the objects of a message or a recipient cost in memory, beside their text.
_MESSAGE_OCTETS = 1_000
_RECIPIENT_OCTETS = 200


@dataclass(slots=True)
class Resident:
    envelope: Envelope | None  # None: it is being read from disk
    highest: int  # job number given so far
    content: bytes | None = None
    leases: int = 0
    octets: int = 0  # of the budget
    verified: bool = False  # its content's file has been read and matches its checksum
    jobs: dict[int, Job] = field(default_factory=dict)  # waiting, in memory with recipients


class _Staged(NamedTuple):
    due: float
    number: int
    recipients: int


@dataclass(slots=True)
class QueueCounters:
    messages: int = 0
    recipients: int = 0
    held: int = 0
    deferred: int = 0
    appended: int = 0


class ShardMemory:
    def __init__(self, settings: SpoolSettings, on_ready: Callable[[], None]) -> None:
        self.ready = ReadyQueue(settings.ready_jobs_max)
        self.counters = QueueCounters()
        self._octets_max = settings.fresh_octets_max
        self._octets = 0
        self._residents: dict[int, Resident] = {}
        self._woken: list[Place] = []
        self._staged: dict[JobKey, list[_Staged]] = {}  # by the leased job that they are staged for
        self._on_ready = on_ready
        self._is_ready = False  # something is, since the last commit was applied

    def __len__(self) -> int:
        return len(self._residents)

    # -- what commits bring ----------------------------------------------------------------------

    def appended(self, envelope: Envelope, content: bytes | None, job: Job) -> None:
        self.counters.messages += 1
        self.counters.appended += 1
        self.counters.recipients += len(job.recipients)
        octets = len(content or b"") + _MESSAGE_OCTETS + _RECIPIENT_OCTETS * len(job.recipients)
        if self._wait(job) and self._octets + octets <= self._octets_max:
            self._octets += octets
            self._residents[job.id.message] = Resident(
                envelope, 0, content, octets=octets, jobs={0: job}
            )

    def completed(self, job: Job) -> None:
        self._count(job, -1)
        self._end_lease(job.id)

    def deferred(self, job: Job, later: Job) -> None:
        self._count(job, -1)
        self._count(later, +1)
        self._put_back(job, later)

    def woken(self, keys: Sequence[JobKey], due: float) -> None:
        """Jobs that wait are due earlier than they were, or than the same commit has made them."""
        self._woken += ((due, *key) for key in keys)

    def applied(self) -> None:
        """All operations of a commit, which changed what was deferred before it woke.

        What waits for a job to be ready is woken once for all of them.
        """
        woken, self._woken = self._woken, []
        for place in woken:
            due, message, number = place
            self.ready.add(place)
            resident = self._residents.get(message)
            if resident is not None and number in resident.jobs:
                resident.jobs[number] = resident.jobs[number]._replace(due=due)
        if woken or self._is_ready:
            self._is_ready = False
            self._on_ready()

    def split(self, job: Job, children: list[Job]) -> None:
        self._count(job, -1)
        resident = self._residents[job.id.message]
        for child in children:
            self._count(child, +1)
            octets = _RECIPIENT_OCTETS * len(child.recipients)
            if self._wait(child) and self._octets + octets <= self._octets_max:
                self._octets += octets
                resident.octets += octets
                resident.jobs[child.id.number] = child
        self._end_lease(job.id)

    def counted_in(self, job: Job) -> None:
        """What was staged for it are jobs now.  They are read when their turn comes: a long list would
        fill the room of fresh mail.
        """
        staged = self._staged.pop(job.id, [])
        for one in staged:
            self.counters.recipients += one.recipients
            self.ready.add((one.due, job.id.message, one.number))
        if staged:
            self._on_ready()

    def recounted(self, counts: Counts) -> None:
        counters = self.counters
        counters.messages, counters.recipients, counters.held, counters.deferred = counts

    # -- leases ----------------------------------------------------------------------------------

    def lease(self, place: Place) -> Lease | None:
        """The lease of a job just taken from the ready queue, if memory knows it.

        Else it is to be read, and `loaded`, `returned` or `missed`.  Meanwhile its message is
        resident: a split of another of its jobs, which the read may be too early to see, leaves
        its highest number here.
        """
        _, message, number = place
        resident = self._residents.get(message)
        if resident is None:
            resident = self._residents[message] = Resident(None, 0)
        resident.leases += 1
        job = resident.jobs.pop(number, None)
        if job is None:
            return None
        assert resident.envelope is not None, "what is in memory came with its envelope"
        return Lease(job, resident.envelope)

    def loaded(self, lease: Lease, highest: int) -> None:
        """Its job came from disk."""
        resident = self._residents[lease.job.id.message]
        resident.envelope = lease.envelope
        resident.highest = max(resident.highest, highest)

    def returned(self, place: Place) -> None:
        """The disk did not say whether the job is there: it is to be asked again."""
        self._end_lease(place[1:])
        self.ready.add(place)

    def missed(self, key: JobKey) -> None:
        """The job is not there, is held, or is in quarantine."""
        self._end_lease(key)

    def give_back(self, job: Job) -> None:
        self._put_back(job, job)
        self._on_ready()

    def children(self, job: Job, jobs: Sequence[NewJob]) -> list[Job]:
        """The jobs of a split, numbered."""
        resident = self._residents[job.id.message]
        first = resident.highest + 1
        resident.highest += len(jobs)
        return children_of(job, jobs, first)

    def staged(self, job: Job, jobs: Sequence[NewJob]) -> list[Job]:
        """The jobs, numbered."""
        children = self.children(job, jobs)
        self._staged.setdefault(job.id, []).extend(
            _Staged(child.due, child.id.number, len(child.recipients)) for child in children
        )
        return children

    def has_staged(self, job: Job) -> bool:
        return job.id in self._staged

    def unstaged(self, job: Job, keep: int) -> int:
        """The highest number that stays."""
        staged = self._staged.get(job.id, [])
        del staged[keep:]
        if not staged:
            self._staged.pop(job.id, None)
        return staged[-1].number if staged else 0

    def is_verified(self, message: SpoolId) -> bool:
        resident = self._residents.get(message)
        return resident is not None and resident.verified

    def verified(self, message: SpoolId) -> None:
        resident = self._residents.get(message)
        if resident is not None:
            resident.verified = True

    def content(self, message: SpoolId) -> bytes | None:
        resident = self._residents.get(message)
        return resident.content if resident is not None else None

    def keep_content(self, message: SpoolId, content: bytes) -> None:
        """Its other jobs will want it too."""
        resident = self._residents.get(message)
        if (
            resident
            and resident.content is None
            and self._octets + len(content) <= self._octets_max
        ):
            self._octets += len(content)
            resident.octets += len(content)
            resident.content = content

    # -- what others did to the disk -------------------------------------------------------------

    def reload(self) -> None:
        """Forgets all that is not leased; the ready queue loads it again."""
        self.ready.reload()
        for message, resident in list(self._residents.items()):
            resident.jobs.clear()
            self._forget_if_idle(message, resident)

    # --------------------------------------------------------------------------------------------

    def _put_back(self, job: Job, again: Job) -> None:
        """Its next lease reads it from disk, which knows what an operator did to it meanwhile."""
        self._end_lease(job.id)
        self._wait(again)

    def _wait(self, job: Job) -> bool:
        is_near = self.ready.add((job.due, *job.id))
        self._is_ready |= is_near
        return is_near

    def _end_lease(self, key: JobKey) -> None:
        self.ready.end_lease(key)
        resident = self._residents[key[0]]
        resident.leases -= 1
        self._forget_if_idle(key[0], resident)

    def _forget_if_idle(self, message: int, resident: Resident) -> None:
        if resident.leases <= 0 and not resident.jobs:
            self._octets -= resident.octets
            del self._residents[message]

    def _count(self, job: Job, sign: int) -> None:
        self.counters.recipients += sign * len(job.recipients)
        if job.attempts:
            self.counters.deferred += sign
