"""What a leased job needs: delivery as it is, or expansion into jobs of its own.

A new job holds all recipients of its message.  Most messages have one recipient, or a few behind one
route.  Those are `Deliverable`: they go out from the job as it came, which saves the spool one of
three writes.  Nothing is stored for that: what an address means and where it goes follows from
envelope and directory, and the next attempt asks again, for an alias or a route may have changed.

    recipients ─ resolve ─┬─ a group among them ───────────▶ NeedsExpansion ─ expand_job ─▶ new jobs
                          ├─ several queues, or too many ──▶ NeedsExpansion ─ expand_job ─▶ new jobs
                          └─ one destination queue ────────▶ Deliverable

The members of a group are in the spool before the first copy goes out: a crash in between must not
let the membership of a later moment decide who gets the rest.  A long list is staged there piece by
piece while it is read, and becomes jobs with the last one.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from kairan.delivery.batcher import Batcher, queue_name
from kairan.delivery.disposition import is_wanted
from kairan.delivery.routes import Route, Router
from kairan.directory.model import Group, ModerationRequest, Snapshot
from kairan.dsn.recipient import Action, RecipientReport
from kairan.expansion.expand import (
    Expansion,
    Failure,
    Mark,
    Piece,
    WaitingGroup,
    expand_in_pieces,
)
from kairan.expansion.list_rules import UNKNOWN, Circumstances
from kairan.expansion.membership import MembersSource
from kairan.expansion.moderation import WAITS, waits_under
from kairan.expansion.resolve import resolve
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address, domain_of, key_of
from kairan.mail.envelope import Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import GROUP_AWAITS_APPROVAL, GROUP_REACHES_NOBODY
from kairan.spool.interface import Job, JobSummary, Lease, NewJob

# Jobs of a piece: 10,000 recipients, a commit of a few hundredths of a second, 3 MB of memory.
_STAGED_JOBS = 200
_RESOLVED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Deliverable:
    """Deliverable as it is; `recipients` are the job's under their primary addresses.

    `resolved`: those that were written otherwise, as (written, primary).
    """

    route: Route
    recipients: tuple[Recipient, ...]
    resolved: tuple[tuple[Address, Address], ...] = ()


@dataclass(frozen=True, slots=True)
class NeedsExpansion:
    """To expand, to split by route, or to report.  `has_groups`: members must be read."""

    has_groups: bool


def plan_job(
    job: Job, snapshot: Snapshot, router: Router, recipients_max: Callable[[Route], int]
) -> Deliverable | NeedsExpansion:
    if len(job.recipients) == 1:
        return _plan_one(job.recipients[0], snapshot, router)
    found: dict[str, Recipient] = {}
    queues: dict[str, Route] = {}
    resolved: list[tuple[Address, Address]] = []
    whole = True
    for recipient in job.recipients:
        if is_answer(recipient, snapshot):
            return NeedsExpansion(has_groups=True)
        answer = resolve(recipient, snapshot)
        if isinstance(answer, Group):
            return NeedsExpansion(has_groups=True)
        route = router.route(answer.address) if isinstance(answer, Recipient) else None
        if not isinstance(answer, Recipient) or route is None:
            whole = False  # a group may still come
            continue
        if answer is not recipient and key_of(answer.address) != key_of(recipient.address):
            resolved.append((recipient.address, answer.address))
        found.setdefault(key_of(answer.address), answer)
        queues[queue_name(route, answer)] = route
    if not whole or len(queues) != 1:
        return NeedsExpansion(has_groups=False)
    (route,) = queues.values()
    if len(found) > recipients_max(route):
        return NeedsExpansion(has_groups=False)
    return Deliverable(route, tuple(found.values()), tuple(resolved))


def _plan_one(
    recipient: Recipient, snapshot: Snapshot, router: Router
) -> Deliverable | NeedsExpansion:
    """As nearly all mail is: whether others go the same way need not be asked."""
    answer = resolve(recipient, snapshot)
    if isinstance(answer, Group):
        return NeedsExpansion(has_groups=True)
    route = router.route(answer.address) if isinstance(answer, Recipient) else None
    if not isinstance(answer, Recipient) or route is None:
        return NeedsExpansion(has_groups=False)
    if answer is recipient or key_of(answer.address) == key_of(recipient.address):
        return Deliverable(route, (answer,))
    return Deliverable(route, (answer,), ((recipient.address, answer.address),))


def routes_of(job: Job | JobSummary, snapshot: Snapshot, router: Router) -> tuple[str, ...]:
    """The names of the routes by which a job goes as things are now, for an operator's eyes.

    A job that goes out as it came never has its route written down; this says what it will be.  A
    group has none before it is expanded.
    """
    if job.route and router.named(job.route) is not None:
        return (job.route,)
    if len(job.recipients) == 1:  # as nearly all; a listing asks this for a million jobs
        only = resolve(job.recipients[0], snapshot)
        route = router.route(only.address) if isinstance(only, Recipient) else None
        return () if route is None else (route.name,)
    found = (resolve(recipient, snapshot) for recipient in job.recipients)
    routes = (router.route(one.address) for one in found if isinstance(one, Recipient))
    return tuple(dict.fromkeys(route.name for route in routes if route is not None))


def destination_of(job: Job, route: Route | None) -> str:
    """The destination queue of a job; empty: it is not known before it is looked at."""
    if job.destination or route is None:
        return job.destination
    domains = {domain_of(recipient.address) for recipient in job.recipients}
    if route.by_domain and len(domains) > 1:
        return ""
    return queue_name(route, job.recipients[0])


@dataclass(frozen=True, slots=True)
class ExpandedJob:
    """All that follows from expanding a job."""

    expansion: Expansion
    jobs: list[NewJob]  # those that were not staged
    failures: list[Failure]
    resolved: list[tuple[Address, Address]]  # of these jobs

    def unasked(self) -> Iterator[ModerationRequest]:
        """Of which no moderator has heard yet."""
        for one in self.expansion.waiting:
            request = one.waits.request
            if request is not None and not request.asked:
                yield request

    def waits_on(self, job: Job) -> NewJob | None:
        """The job that it is still to be, where it waits for the same as before."""
        if len(self.jobs) != 1 or self.failures or self.expansion.groups:
            return None
        (only,) = self.jobs
        is_same = (only.route, only.destination, only.since) == (
            job.route,
            job.destination,
            job.since,
        )
        return only if job.route in WAITING_ROUTES and is_same else None

    def reports(self) -> list[RecipientReport]:
        """Those wanted by NOTIFY: failures, and groups whose success was asked for."""
        failed = [
            RecipientReport(failure.recipient, Action.FAILED, failure.reply)
            for failure in self.failures
        ]
        failures = {failure.recipient for failure in self.failures}
        expanded = [
            RecipientReport(group.recipient, _GROUP_ACTION[group.is_list], _EXPANDED)
            for group in self.expansion.groups
            if group.recipient not in failures
        ]
        return [r for r in failed + expanded if is_wanted(r.recipient.notify, r.action)]


# RFC 3464 section 2.3.3: `expanded` is for an alias with many recipients, never for a list.
_GROUP_ACTION = {False: Action.EXPANDED, True: Action.DELIVERED}
_EXPANDED = Reply.of(250, "2.0.0", "Delivered to the members of the group")


@dataclass(frozen=True, slots=True)
class StagedPiece:
    """Jobs of a long list, to be staged; `keep`: of those before, all but so many are taken back."""

    jobs: list[NewJob]
    resolved: list[tuple[Address, Address]]
    keep: int | None = None


def expand_job(
    lease: Lease,
    snapshot: Snapshot,
    members: MembersSource,
    router: Router,
    recipients_max: Callable[[Route], int],
    settings: ExpansionSettings,
    circumstances: Circumstances = UNKNOWN,
) -> Generator[StagedPiece, None, ExpandedJob]:
    """Blocks while members are read: for a thread, where there are groups.

    Most come to an end without a piece.
    """
    job = lease.job
    pieces = expand_in_pieces(
        lease.envelope, job.recipients, snapshot, members, settings, circumstances
    )
    since = circumstances.now if job.route in WAITING_ROUTES else job.since
    batcher = Batcher(router, recipients_max, since)
    expansion, resolved = yield from _staged(pieces, batcher)
    batcher.finish()
    failures = expansion.failures + batcher.failures
    if not batcher.has_routed and not expansion.waiting:
        failures += _groups_without_routes(expansion, failures)
    jobs = batcher.full + [_waiting_job(one) for one in expansion.waiting]
    return ExpandedJob(expansion, jobs, failures, resolved)


def _staged(
    pieces: Generator[Piece | Mark, None, Expansion], batcher: Batcher
) -> Generator[StagedPiece, None, tuple[Expansion, list[tuple[Address, Address]]]]:
    """Ends with the whole expansion, and with what was resolved since the last piece."""
    resolved: list[tuple[Address, Address]] = []
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            return end.value, resolved
        match piece:
            case Piece():
                batcher.add(piece)
                resolved += piece.resolved
                if len(batcher.full) >= _STAGED_JOBS or len(resolved) >= _RESOLVED_MAX:
                    yield StagedPiece(batcher.take_full(), resolved)
                    resolved = []
            case Mark.BEGIN:
                batcher.begin()
            case Mark.TAKE_BACK:
                keep = batcher.take_back()
                if keep is not None:
                    yield StagedPiece([], [], keep)


def is_answer(recipient: Recipient, snapshot: Snapshot) -> bool:
    """To the address that the service reads itself: a moderator's."""
    address = snapshot.organisation.moderation_address
    return bool(address) and key_of(recipient.address) == address


# In the place of a route; no route's pattern has brackets.
WAITING_ROUTES = (WAITS, "(send-window)")


def _waiting_job(waiting: WaitingGroup) -> NewJob:
    """Due when the wait is over at the latest; a decision wakes it before."""
    waits = waiting.waits
    is_moderated = waits.outcome is GROUP_AWAITS_APPROVAL
    return NewJob(
        route=WAITING_ROUTES[0 if is_moderated else 1],
        recipients=(waiting.recipient,),
        due=waits.until,
        detail=str(waits.outcome.reply),
        destination=waits_under(waits.request.id) if waits.request else "",
        since=waits.until,
    )


def _groups_without_routes(expansion: Expansion, failures: Sequence[Failure]) -> Iterator[Failure]:
    """The message reaches no recipient.  The reports of a list's members are not for its sender."""
    failed = {failure.recipient for failure in failures}
    for group in expansion.groups:
        if group.is_top and group.recipient not in failed:
            yield Failure(group.recipient, GROUP_REACHES_NOBODY)
