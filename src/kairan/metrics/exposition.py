"""The values of all families at this moment, as a collector of prometheus_client."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kairan import __version__
from kairan.delivery.plan import WAITING_ROUTES
from kairan.metrics.families import FAMILIES, Family, MetricKind
from kairan.metrics.readiness import unready
from kairan.metrics.totals import OTHER, FewNamed, Key, Totals, short, shortened
from kairan.metrics.watch import Sight, WatchedWebhook, Watcher
from kairan.status.facts import DestinationStatus, Status

# The reference service allows about a hundred accounts a tenant; each named one is a series.
ACCOUNTS_NAMED_MAX = 50
# Three series each.
DESTINATIONS_NAMED_MAX = 30

# How a worker's counters (status/facts.py) are called; behind them those by label.
_COUNTERS: Final = {
    "sessions": "kairan_sessions_opened_total",
    "logins": "kairan_logins_total",
    "logins_refused": "kairan_logins_refused_total",
    "messages_accepted": "kairan_messages_accepted_total",
    "recipients_accepted": "kairan_recipients_accepted_total",
    "octets_accepted": "kairan_accepted_bytes_total",
    "promise_wait_seconds": "kairan_promise_wait_seconds_total",
    "recipients_delivered": "kairan_recipients_delivered_total",
    "recipients_deferred": "kairan_recipients_deferred_total",
    "recipients_failed": "kairan_recipients_failed_total",
    "reports": "kairan_reports_total",
    "reports_dropped": "kairan_reports_dropped_total",
}
_BY_LABEL: Final = {
    "accounts": "kairan_account_messages_accepted_total",
    "refusals": "kairan_refusals_total",
}

Values = Mapping[str, float]  # by the label's value; without labels the one of the empty value


class Exposition(Collector):
    """Counts what it hears, so one serves a whole process."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._lock = threading.Lock()
        self._totals = Totals()
        self._accounts = FewNamed(ACCOUNTS_NAMED_MAX)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self, accept: str) -> tuple[bytes, str]:
        """In the format that was asked for, and its media type.  Blocks."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterator[Metric]:
        """So that registering asks nobody."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        seen = self._watcher.look()
        found: dict[str, Values] = {}
        with self._lock:
            self._hear(seen.workers.reports)
            found |= self._counted()
        found |= dict(_of_workers(seen))
        if seen.status is not None:
            found |= dict(_of_status(seen.status, seen.now))
        found |= dict(_of_webhooks(seen.webhooks))
        for name, values in found.items():
            yield _metric(FAMILIES[name], values)

    def _hear(self, reports: Sequence[Mapping[str, Any]]) -> None:
        for report in reports:
            counted = report["counters"]
            counters: dict[Key, float] = {
                (name, ""): counted[field] for field, name in _COUNTERS.items()
            }
            for field, name in _BY_LABEL.items():
                counters |= {(name, label): value for label, value in counted[field].items()}
            self._totals.hear(int(report["number"]), report["started"], counters)

    def _counted(self) -> Iterator[tuple[str, Values]]:
        for name in _COUNTERS.values():
            yield name, self._totals.of(name) or {"": 0.0}
        yield "kairan_refusals_total", self._totals.of("kairan_refusals_total")
        accounts = self._totals.of("kairan_account_messages_accepted_total")
        yield "kairan_account_messages_accepted_total", self._accounts.show(shortened(accounts))


def _of_workers(seen: Sight) -> Iterator[tuple[str, Values]]:
    reports = {str(one["number"]): one for one in seen.workers.reports}
    silent = {str(number): 0.0 for number in seen.workers.silent}
    sessions: dict[str, float] = {}
    for one in reports.values():
        for listener in one["listeners"]:
            role = listener["role"]
            sessions[role] = sessions.get(role, 0) + listener["sessions"]
    yield "kairan_build_info", {__version__: 1}
    yield "kairan_accepting", {"": not unready(seen, workers_expected=0)}
    yield "kairan_draining", {"": any(one["is_draining"] for one in reports.values())}
    yield "kairan_worker_up", dict.fromkeys(reports, 1.0) | silent
    yield (
        "kairan_worker_start_time_seconds",
        {number: one["started"] for number, one in reports.items()},
    )
    yield (
        "kairan_worker_delivery_lag_seconds",
        {number: one["lag_seconds"] for number, one in reports.items()},
    )
    yield "kairan_sessions", sessions


def _of_status(status: Status, now: float) -> Iterator[tuple[str, Values]]:
    age = max(0.0, now - status.now)
    yield "kairan_status_age_seconds", {"": age}
    yield "kairan_workers_expected", {"": status.workers_expected}
    yield "kairan_queue_messages", {"": status.messages}
    yield "kairan_queue_held_jobs", {"": status.held}
    yield "kairan_queue_quarantined_messages", {"": status.quarantined}
    yield "kairan_pauses", {"": len(status.pauses)}
    yield from _of_destinations(status.destinations)
    if status.disk is not None:
        yield "kairan_disk_free_bytes", {"": status.disk.free_octets}
        yield "kairan_disk_free_min_bytes", {"": status.disk.free_octets_min}
    ends = {short(one.file): one.expires for one in status.certificates}
    yield "kairan_certificate_end_timestamp_seconds", ends
    if status.directory is not None:
        yield "kairan_directory_age_seconds", {"": status.directory.age_seconds + age}


def _of_webhooks(webhooks: Sequence[WatchedWebhook]) -> Iterator[tuple[str, Values]]:
    """A store has 16 at most, so each has its name."""
    if not webhooks:
        return
    yield "kairan_webhook_waiting_events", {one.hook.name: one.waiting for one in webhooks}
    yield "kairan_webhook_failures", {one.hook.name: one.hook.failures for one in webhooks}
    yield "kairan_webhook_events_sent_total", {one.hook.name: one.hook.sent for one in webhooks}
    yield (
        "kairan_webhook_events_dropped_total",
        {one.hook.name: one.hook.dropped for one in webhooks},
    )


def _of_destinations(destinations: Sequence[DestinationStatus]) -> Iterator[tuple[str, Values]]:
    waiting = [
        one for one in destinations if one.name not in WAITING_ROUTES and one.jobs > one.held
    ]
    oldest = max((one.oldest_age_seconds for one in waiting), default=0.0)
    yield "kairan_queue_oldest_age_seconds", {"": oldest}
    by_state = dict.fromkeys(("open", "unproven", "down", "held", "paused"), 0.0)
    for one in destinations:
        by_state[one.state or "open"] += 1
    yield "kairan_destinations", by_state
    ranked = sorted(destinations, key=lambda one: (_is_up(one), -one.jobs, one.name))
    named: dict[str, list[DestinationStatus]] = {}
    for rank, one in enumerate(ranked):
        label = short(one.name) if rank < DESTINATIONS_NAMED_MAX else OTHER
        named.setdefault(label, []).append(one)
    yield (
        "kairan_destination_jobs",
        {label: float(sum(one.jobs for one in of)) for label, of in named.items()},
    )
    yield (
        "kairan_destination_oldest_age_seconds",
        {label: max(one.oldest_age_seconds for one in of) for label, of in named.items()},
    )
    yield (
        "kairan_destination_up",
        {label: float(all(map(_is_up, of))) for label, of in named.items()},
    )


def _is_up(one: DestinationStatus) -> bool:
    return one.state not in {"down", "held", "paused"}


def _metric(family: Family, values: Values) -> Metric:
    made: CounterMetricFamily | GaugeMetricFamily
    if family.kind is MetricKind.COUNTER:  # whose name the library takes without its last word
        made = CounterMetricFamily(family.name, family.help, labels=family.labels)
    else:
        made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for label, value in values.items():
        made.add_metric([label] if family.labels else [], float(value))
    return made
