"""Every metric: its name, kind, labels and meaning.  docs/metrics.md is made from this table.

Names follow Prometheus: a unit goes last (seconds, bytes), behind it "total" for what only
grows.  Every label has few values: roles, states, workers, keys of the catalogue; accounts and
destinations are named up to a number, and `other` stands for the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final


class MetricKind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Family:
    """`name`: as it is scraped."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    help: str


def _families() -> Iterator[Family]:
    counter, gauge = MetricKind.COUNTER, MetricKind.GAUGE
    yield Family("kairan_build_info", gauge, ("version",), "Always 1; the version that answers.")
    yield Family(
        "kairan_accepting", gauge, (), "1 while new mail is accepted, by every worker that answers."
    )
    yield Family("kairan_draining", gauge, (), "1 while an operator's order to drain stands.")
    yield Family("kairan_workers_expected", gauge, (), "Workers that should run.")
    yield Family("kairan_worker_up", gauge, ("worker",), "1 if this worker answered in time.")
    yield Family(
        "kairan_worker_start_time_seconds",
        gauge,
        ("worker",),
        "When this worker started, since the epoch; it changes with each restart.",
    )
    yield Family(
        "kairan_worker_delivery_lag_seconds",
        gauge,
        ("worker",),
        "How long new mail waits until delivery looks at it.",
    )
    yield Family("kairan_sessions", gauge, ("role",), "SMTP sessions now, by the listener's role.")
    yield Family("kairan_sessions_opened_total", counter, (), "SMTP connections.")
    yield Family("kairan_logins_total", counter, (), "Logins that succeeded.")
    yield Family("kairan_logins_refused_total", counter, (), "Logins that were refused.")
    yield Family("kairan_messages_accepted_total", counter, (), "Messages answered with 250.")
    yield Family(
        "kairan_account_messages_accepted_total",
        counter,
        ("account",),
        "Messages answered with 250, by account: the busiest, and `other`.",
    )
    yield Family(
        "kairan_recipients_accepted_total", counter, (), "Recipients of accepted messages."
    )
    yield Family(
        "kairan_accepted_bytes_total", counter, (), "Octets of accepted messages, as they came."
    )
    yield Family(
        "kairan_promise_wait_seconds_total",
        counter,
        (),
        "From the end of a message to its 250, summed; divide by the accepted messages.",
    )
    yield Family(
        "kairan_refusals_total",
        counter,
        ("outcome",),
        "Refusals at the intake, by the key of docs/errors.md.",
    )
    yield Family(
        "kairan_recipients_delivered_total", counter, (), "Recipients handed to their next hop."
    )
    yield Family(
        "kairan_recipients_deferred_total",
        counter,
        (),
        "Tries put off, by recipient: one may be put off several times.",
    )
    yield Family("kairan_recipients_failed_total", counter, (), "Recipients that failed for good.")
    yield Family("kairan_reports_total", counter, (), "Reports sent to senders.")
    yield Family("kairan_reports_dropped_total", counter, (), "Reports with no address to go to.")
    yield from _stored()


def _stored() -> Iterator[Family]:
    """What a status reads from disk."""
    gauge = MetricKind.GAUGE
    yield Family("kairan_queue_messages", gauge, (), "Messages in the queue.")
    yield Family("kairan_queue_held_jobs", gauge, (), "Jobs that are held.")
    yield Family("kairan_queue_quarantined_messages", gauge, (), "Messages set aside as damaged.")
    yield Family(
        "kairan_queue_oldest_age_seconds",
        gauge,
        (),
        "Age of the oldest mail that waits; what waits for a list's moderator or window does not count.",
    )
    yield Family(
        "kairan_destination_jobs",
        gauge,
        ("destination",),
        "Jobs by destination: those in trouble and the longest queues, and `other`.",
    )
    yield Family(
        "kairan_destination_oldest_age_seconds",
        gauge,
        ("destination",),
        "Age of the oldest mail of a destination; of `other` the oldest of all.",
    )
    yield Family(
        "kairan_destination_up",
        gauge,
        ("destination",),
        "0 while the destination is down or refuses us, or an operator paused it; `other`: the worst.",
    )
    yield Family(
        "kairan_destinations", gauge, ("state",), "Destinations with mail, or in trouble, by state."
    )
    yield Family("kairan_pauses", gauge, (), "Pauses that operators ordered.")
    yield Family(
        "kairan_webhook_waiting_events",
        gauge,
        ("webhook",),
        "Events that a webhook has not taken yet.",
    )
    yield Family(
        "kairan_webhook_failures",
        gauge,
        ("webhook",),
        "Tries that failed since a webhook last took something.",
    )
    yield Family(
        "kairan_webhook_events_sent_total",
        MetricKind.COUNTER,
        ("webhook",),
        "Events that a webhook has taken.",
    )
    yield Family(
        "kairan_webhook_events_dropped_total",
        MetricKind.COUNTER,
        ("webhook",),
        "Events that a webhook did not take in time.",
    )
    yield Family("kairan_disk_free_bytes", gauge, (), "Free where the data lie.")
    yield Family("kairan_disk_free_min_bytes", gauge, (), "Below this nothing is accepted.")
    yield Family(
        "kairan_certificate_end_timestamp_seconds",
        gauge,
        ("file",),
        "When a certificate ends, since the epoch.",
    )
    yield Family(
        "kairan_directory_age_seconds",
        gauge,
        (),
        "Since the database was last asked with success, by the worker furthest behind.",
    )
    yield Family(
        "kairan_status_age_seconds",
        gauge,
        (),
        "How old the queue's, disk's, certificates' and directory's numbers are.",
    )


FAMILIES: Final = {family.name: family for family in _families()}
