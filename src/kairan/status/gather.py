"""Gathers a status: the workers are asked, the rest is read where it lies.  Blocks."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from kairan import __version__
from kairan.config.certificates import certificates_of
from kairan.config.model import Configuration
from kairan.delivery.pauses import OperatorPause, PauseKind, PausesUnreadableError, read_pauses
from kairan.delivery.plan import WAITING_ROUTES
from kairan.delivery.routes import Router
from kairan.directory.store import Directory
from kairan.intake.control import ControlUnavailableError, ask_status
from kairan.intake.draining import read_drain_order
from kairan.issuer.keys.ring import key_ring
from kairan.runtime.certificate_files import CertificateFault, read_pair, warnings_of
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.served_certificates import shown_path
from kairan.spool.operator_view import StoredJobs
from kairan.status.facts import (
    CertificateStatus,
    DestinationStatus,
    DirectoryStatus,
    DiskStatus,
    IssuerKeyStatus,
    ListenerStatus,
    PauseStatus,
    Status,
    WorkerCounters,
    WorkerStatus,
)

# Queues of jobs that wait for no destination in particular; no route's pattern has brackets.
NOT_TRIED = "(not tried yet)"
RETRYING = "(to be retried)"

# Of a person who waits for the screen; a busy worker answers within milliseconds.
ANSWER_SECONDS_MAX = 5.0

WorkerReport: TypeAlias = Mapping[str, Any]


def status(configuration: Configuration, *, now: float) -> Status:
    unknown: list[str] = []
    workers = _workers(configuration, unknown)
    drain = read_drain_order(configuration.drain_file)
    stored = list(_stored(configuration, unknown))
    pauses = _pauses(configuration, unknown)
    return Status(
        now=now,
        version=__version__,
        is_running=bool(workers),
        not_accepting=_not_accepting(workers, is_draining=drain is not None),
        draining_since=drain.since if drain else None,
        workers=tuple(_worker(one) for one in workers),
        workers_expected=configuration.workers,
        listeners=_listeners(workers),
        messages=sum(counts["messages"] or 0 for counts, _ in stored),
        held=sum(counts["held"] or 0 for counts, _ in stored),
        quarantined=sum(counts["quarantined"] or 0 for counts, _ in stored),
        destinations=_destinations(
            configuration, [jobs for _, part in stored for jobs in part], workers, pauses, now
        ),
        pauses=pauses,
        disk=_disk(configuration, unknown),
        certificates=_certificates(configuration, now, unknown),
        issuer_keys=_issuer_keys(configuration, now, unknown),
        directory=_directory(workers, now),
        unknown=tuple(unknown),
    )


def _workers(configuration: Configuration, unknown: list[str]) -> list[WorkerReport]:
    try:
        answers = ask_status(configuration.control_directory, seconds=ANSWER_SECONDS_MAX)
    except ControlUnavailableError as error:
        unknown.append(str(error))
        return []
    unknown.extend(f"worker {n} does not answer: {why}" for n, why in answers.silent.items())
    return sorted(answers.reports, key=lambda one: int(one["number"]))


def _not_accepting(workers: Sequence[WorkerReport], *, is_draining: bool) -> tuple[str, ...]:
    if not workers:
        return ("the service does not answer",)
    reasons = ["it is being drained"] if is_draining else []
    reasons += [f"worker {one['number']}: {one['refusal']}" for one in workers if one["refusal"]]
    return tuple(reasons)


def _worker(one: WorkerReport) -> WorkerStatus:
    facts = {name: one[name] for name in WorkerStatus.__dataclass_fields__}
    return WorkerStatus(**facts | {"counters": WorkerCounters(**one["counters"])})


def _listeners(workers: Sequence[WorkerReport]) -> tuple[ListenerStatus, ...]:
    """Each worker listens at each address."""
    sums: dict[tuple[str, str], int] = {}
    for worker in workers:
        for one in worker["listeners"]:
            key = one["address"], one["role"]
            sums[key] = sums.get(key, 0) + one["sessions"]
    return tuple(ListenerStatus(*key, sessions) for key, sessions in sums.items())


# The queue.


def _stored(
    configuration: Configuration, unknown: list[str]
) -> Iterator[tuple[Mapping[str, Any], list[StoredJobs]]]:
    spool = configuration.spool_place
    for shard in spool.shards():
        try:
            with spool.view(shard) as view:
                yield view.statistics(), list(view.by_destination())
        except (sqlite3.Error, OperatorError) as error:
            unknown.append(f"{spool.name(shard)}: {error}")


def _pauses(configuration: Configuration, unknown: list[str]) -> tuple[PauseStatus, ...]:
    try:
        found = read_pauses(configuration.pauses_file)
    except PausesUnreadableError as error:
        unknown.append(str(error))
        return ()
    return tuple(PauseStatus(str(one.kind), one.name, one.by, one.since) for one in found)


def _destinations(
    configuration: Configuration,
    stored: Sequence[StoredJobs],
    workers: Sequence[WorkerReport],
    pauses: Sequence[PauseStatus],
    now: float,
) -> tuple[DestinationStatus, ...]:
    """The longest queue first."""
    router = Router(configuration.delivery.routes)
    texts = {route.queue: route.destination for route in router.routes}
    found: dict[str, DestinationStatus] = {}

    def of(name: str) -> DestinationStatus:
        to = texts.get(name) or texts.get(name.rpartition(" ")[0], "")
        return found.setdefault(name, DestinationStatus(name, to))

    for jobs in stored:
        one = of(queue_of(jobs.route, jobs.destination, router, is_new=jobs.is_new))
        one.jobs += jobs.jobs
        one.recipients += jobs.recipients
        one.held += jobs.held
        one.last_error = jobs.last_detail or one.last_error
        if jobs.oldest_arrival is not None:
            one.oldest_age_seconds = max(
                one.oldest_age_seconds, round(now - jobs.oldest_arrival, 3)
            )
    for worker in workers:
        for queue in worker["queues"]:
            one = of(queue["name"])
            one.state = _worse(one.state, queue["state"])
            one.running += queue["running"]
            one.last_error = queue["last_error"] or one.last_error
    for pause in pauses:
        of(OperatorPause(PauseKind(pause.kind), pause.name).queue).state = "paused"
    return tuple(sorted(found.values(), key=lambda one: (-one.jobs, one.name)))


def queue_of(route_name: str, destination: str, router: Router, *, is_new: bool) -> str:
    """Under which name of the list of destinations a job is counted, by what is stored of it.

    `is_new`: never tried, and without a route of its own.
    """
    if route_name in WAITING_ROUTES:
        return route_name  # each has a name of its own there, and together they are one queue
    if destination:
        return destination
    route = router.named(route_name)
    if route is not None and not route.by_domain:
        return route.queue
    return NOT_TRIED if is_new else RETRYING


def _worse(one: str, other: str) -> str:
    order = ("", "open", "unproven", "down", "held", "paused")
    return max(one, other, key=order.index)


# What the service stands on.


def _disk(configuration: Configuration, unknown: list[str]) -> DiskStatus | None:
    path = configuration.data_directory
    try:
        found = os.statvfs(path)
    except OSError as error:
        unknown.append(f"{path}: {error.strerror}")
        return None
    free = found.f_bavail * found.f_frsize
    return DiskStatus(str(path), free, configuration.spool.free_octets_min)


def _certificates(
    configuration: Configuration, now: float, unknown: list[str]
) -> tuple[CertificateStatus, ...]:
    found = []
    moment = datetime.fromtimestamp(now, UTC)
    for files in certificates_of(configuration):
        try:
            pair = read_pair(files.certificate, files.key, prefix=files.prefix)
        except CertificateFault as fault:
            unknown.append(str(fault))
            continue
        found.append(
            CertificateStatus(
                str(shown_path(pair.file)),
                pair.names,
                pair.ends.timestamp(),
                pair.days_left(moment),
                tuple(warnings_of(pair, configuration.hostname, moment)),
            )
        )
    return tuple(found)


def _issuer_keys(
    configuration: Configuration, now: float, unknown: list[str]
) -> tuple[IssuerKeyStatus, ...]:
    if not configuration.issuer.enabled:
        return ()
    try:
        with Directory.open(configuration.directory_url, migrate=False) as directory:
            ring = key_ring(
                configuration.issuer, configuration.issuer_directory, directory, to_sign=False
            )
            keys = ring.published()
    except (OSError, ValueError, OperatorError) as error:
        unknown.append(f"the issuer's keys: {error}")
        return ()
    return tuple(
        IssuerKeyStatus(key.id, str(key.algorithm), round(now - key.begins, 3)) for key in keys
    )


def _directory(workers: Sequence[WorkerReport], now: float) -> DirectoryStatus | None:
    """Of the worker that is furthest behind."""
    if not workers:
        return None
    last = min((one["directory"] for one in workers), key=lambda one: float(one["as_of"]))
    return DirectoryStatus(last["version"], max(0.0, round(now - last["as_of"], 3)))


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
