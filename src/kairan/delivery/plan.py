"""What a leased job needs: delivery as it is, or expansion into jobs of its own.

A new job holds all recipients of its message.  Most messages have one recipient, or a few behind one
route.  Those are `Deliverable`: they go out from the job as it came, which saves the spool one of
three writes.  Nothing is stored for that: what an address means and where it goes follows from
envelope and directory, and the next attempt asks again, for an alias or a route may have changed.

    recipients ─ resolve ─┬─ a group among them ───────────▶ NeedsExpansion ─ expand_job ─▶ new jobs
                          ├─ several queues, or too many ──▶ NeedsExpansion ─ expand_job ─▶ new jobs
                          └─ one destination queue ────────▶ Deliverable

The members of a group are in the spool before the first copy goes out: a crash in between must not
let the membership of a later moment decide who gets the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kairan.delivery.disposition import is_wanted
from kairan.delivery.routes import Route, Router
from kairan.directory.model import Group, Snapshot
from kairan.dsn.recipient import Action, RecipientReport
from kairan.expansion.expand import Expansion, Failure, expand
from kairan.expansion.membership import MembersSource
from kairan.expansion.resolve import resolve
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address, domain_of, key_of
from kairan.mail.envelope import Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import GROUP_REACHES_NOBODY, NO_ROUTE
from kairan.spool.interface import Job, Lease, NewJob


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
    found: dict[str, Recipient] = {}
    queues: dict[str, Route] = {}
    resolved: list[tuple[Address, Address]] = []
    whole = True
    for recipient in job.recipients:
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


def routes_of(job: Job, snapshot: Snapshot, router: Router) -> tuple[str, ...]:
    """The names of the routes by which a job goes as things are now, for an operator's eyes.

    A job that goes out as it came never has its route written down; this says what it will be.  A
    group has none before it is expanded.
    """
    if router.named(job.route) is not None:
        return (job.route,)
    found = (resolve(recipient, snapshot) for recipient in job.recipients)
    routes = (router.route(one.address) for one in found if isinstance(one, Recipient))
    return tuple(dict.fromkeys(route.name for route in routes if route is not None))


def queue_name(route: Route, recipient: Recipient) -> str:
    """One destination queue per next hop: for MX that is the domain."""
    return f"{route.queue} {domain_of(recipient.address)}" if route.by_domain else route.queue


def jobs_for(
    expansion: Expansion, router: Router, recipients_max: Callable[[Route], int]
) -> tuple[list[NewJob], list[Failure]]:
    """The jobs that replace the expanded one, and the recipients without a route."""
    queues: dict[str, tuple[Route, list[Recipient]]] = {}
    failures: list[Failure] = []
    for recipient in expansion.recipients:
        route = router.route(recipient.address)
        if route is None:
            failures.append(Failure(recipient, NO_ROUTE))
            continue
        queues.setdefault(queue_name(route, recipient), (route, []))[1].append(recipient)
    jobs = [
        NewJob(route=route.name, recipients=batch)
        for route, recipients in queues.values()
        for batch in batches(recipients, recipients_max(route))
    ]
    return jobs, failures


def batches(recipients: Sequence[Recipient], size: int) -> Iterable[tuple[Recipient, ...]]:
    for start in range(0, len(recipients), size):
        yield tuple(recipients[start : start + size])


@dataclass(frozen=True, slots=True)
class ExpandedJob:
    """All that follows from expanding a job."""

    expansion: Expansion
    jobs: list[NewJob]
    failures: list[Failure]

    def reports(self) -> list[RecipientReport]:
        """Those wanted by NOTIFY: failures, and groups whose success was asked for."""
        failed = [
            RecipientReport(failure.recipient, Action.FAILED, failure.outcome.reply)
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


def expand_job(
    lease: Lease,
    snapshot: Snapshot,
    members: MembersSource,
    router: Router,
    recipients_max: Callable[[Route], int],
    settings: ExpansionSettings,
) -> ExpandedJob:
    """Blocks while members are read: for a thread, where there are groups."""
    expansion = expand(lease.envelope, lease.job.recipients, snapshot, members, settings)
    jobs, unrouted = jobs_for(expansion, router, recipients_max)
    failures = expansion.failures + unrouted
    if not jobs:
        failures += _groups_without_routes(expansion, failures)
    return ExpandedJob(expansion, jobs, failures)


def _groups_without_routes(expansion: Expansion, failures: Sequence[Failure]) -> Iterator[Failure]:
    """The message reaches no recipient.  The reports of a list's members are not for its sender."""
    failed = {failure.recipient for failure in failures}
    for group in expansion.groups:
        if group.is_top and group.recipient not in failed:
            yield Failure(group.recipient, GROUP_REACHES_NOBODY)
