"""Recipients into jobs: by destination queue, as many in each as its transport takes at once.

They come piece by piece, and a job leaves as soon as it is whole, so a long list costs no more memory
than the recipients that wait for their job to be.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kairan.delivery.routes import Route, Router
from kairan.expansion.expand import FAILURES_KEPT, Failure, Piece
from kairan.mail.address import domain_of
from kairan.mail.envelope import Recipient
from kairan.outcomes.catalogue import NO_ROUTE
from kairan.spool.interface import NewJob

# Recipients that wait for their job to be whole, some 200 octets each: with `mx:` each domain has a
# queue, and a list may name a hundred thousand.
_WAITING_MAX = 20_000
# Queues, and domains whose queue is known.
_QUEUES_MAX = 10_000
# Recipients of a job that is looked at once more, and fails then: one report names as many.
_UNREACHED_BATCH = 50


def queue_name(route: Route, recipient: Recipient) -> str:
    """One destination queue per next hop: for MX that is the domain."""
    return f"{route.queue} {domain_of(recipient.address)}" if route.by_domain else route.queue


@dataclass(slots=True, eq=False)
class _NextJob:
    route: str
    size: int
    waiting: list[Recipient] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Marked:
    """What was there when a group of the envelope began."""

    jobs: int = 0
    failures: int = 0
    has_routed: bool = False
    waiting: tuple[tuple[str, _NextJob, tuple[Recipient, ...]], ...] = ()


class Batcher:
    """`full` are the jobs that are whole and were not taken yet."""

    def __init__(
        self, router: Router, recipients_max: Callable[[Route], int], since: float = 0.0
    ) -> None:
        self._router = router
        self._since = since
        self._recipients_max = recipients_max
        self._queues: dict[str, _NextJob] = {}
        self._of_domain: dict[str, _NextJob | None] = {}  # where the domain alone decides
        self._waiting = 0
        self._taken = 0
        self._marked = _Marked()
        self.full: list[NewJob] = []
        self.failures: list[Failure] = []
        self.has_routed = False

    def add(self, piece: Piece) -> None:
        if self._router.goes_by_domain:
            for domain, recipients in _by_domain(piece.recipients):
                self._put(self._batch_of_domain(domain, recipients[0]), recipients)
        else:
            for recipient in piece.recipients:
                self._put(self._batch_of(recipient), (recipient,))
        if piece.unreached:
            self._fill(self._unreached(), piece.unreached)
        if self._waiting > _WAITING_MAX or len(self._queues) > _QUEUES_MAX:
            self.finish()

    def begin(self) -> None:
        """What comes from here on may be taken back."""
        waiting = tuple((name, one, tuple(one.waiting)) for name, one in self._queues.items())
        jobs = self._taken + len(self.full)
        self._marked = _Marked(jobs, len(self.failures), self.has_routed, waiting)

    def take_back(self) -> int | None:
        """How many of the jobs that were taken stay so; None: all."""
        marked = self._marked
        self._queues.clear()
        self._of_domain.clear()
        for name, batch, waiting in marked.waiting:
            batch.waiting = list(waiting)
            self._queues[name] = batch
        self._waiting = sum(len(batch.waiting) for batch in self._queues.values())
        del self.failures[marked.failures :]
        self.has_routed = marked.has_routed
        del self.full[max(0, marked.jobs - self._taken) :]
        if marked.jobs >= self._taken:
            return None
        self._taken = marked.jobs
        return marked.jobs

    def take_full(self) -> list[NewJob]:
        full, self.full = self.full, []
        self._taken += len(full)
        return full

    def finish(self) -> None:
        """Nobody waits any more."""
        self.full += [
            NewJob(batch.route, tuple(batch.waiting), since=self._since)
            for batch in self._queues.values()
            if batch.waiting
        ]
        self._queues.clear()
        self._of_domain.clear()
        self._waiting = 0

    def _put(self, batch: _NextJob | None, recipients: Sequence[Recipient]) -> None:
        """None: no route."""
        if batch is not None:
            self.has_routed = True
            self._fill(batch, recipients)
            return
        room = FAILURES_KEPT - len(self.failures)
        self.failures += [Failure(one, NO_ROUTE) for one in recipients[:room]]
        if recipients[room:]:
            self._fill(self._unreached(), recipients[room:])

    def _fill(self, batch: _NextJob, recipients: Sequence[Recipient]) -> None:
        waiting, size = batch.waiting, batch.size
        before = len(waiting)
        waiting += recipients
        whole = len(waiting) - len(waiting) % size
        self.full += [
            NewJob(batch.route, tuple(waiting[start : start + size]), since=self._since)
            for start in range(0, whole, size)
        ]
        del waiting[:whole]
        self._waiting += len(waiting) - before

    def _batch_of_domain(self, domain: str, recipient: Recipient) -> _NextJob | None:
        try:
            return self._of_domain[domain]
        except KeyError:
            batch = self._of_domain[domain] = self._batch_of(recipient)
            return batch

    def _batch_of(self, recipient: Recipient) -> _NextJob | None:
        route = self._router.route(recipient.address)
        if route is None:
            return None
        name = queue_name(route, recipient)
        if recipient.via:  # copies of one list have the same fields
            name = f"{name} {recipient.via}"
        batch = self._queues.get(name)
        if batch is None:
            batch = self._queues[name] = _NextJob(route.name, self._recipients_max(route))
        return batch

    def _unreached(self) -> _NextJob:
        """Jobs without a route are looked at anew."""
        return self._queues.setdefault("", _NextJob("", _UNREACHED_BATCH))


def _by_domain(recipients: Sequence[Recipient]) -> Iterator[tuple[str, list[Recipient]]]:
    found: dict[str, list[Recipient]] = {}
    for recipient in recipients:
        address = recipient.address
        domain = address[address.rfind("@") + 1 :]
        key = f"{domain} {recipient.via}" if recipient.via else domain
        found.setdefault(key, []).append(recipient)
    yield from found.items()
