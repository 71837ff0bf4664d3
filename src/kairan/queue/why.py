"""Why jobs of the queue wait: each judged by status/why.py, with all that it has to know."""

import time

from kairan.config.model import Configuration
from kairan.delivery.pauses import read_pauses
from kairan.delivery.routes import Router
from kairan.delivery.statistics import QueueFacts
from kairan.intake.control import ControlUnavailableError, ask_workers
from kairan.queue.jobs import FoundJob, RoutesOf, Selection, found
from kairan.spool.interface import Quarantined
from kairan.spool.operator_view import id_text
from kairan.status.why import QueueView, Why, why


def answers(
    configuration: Configuration, selection: Selection, routes_of: RoutesOf
) -> list[tuple[str, Why]]:
    """By id, as `kairan queue list` prints it."""
    view = QueueView(
        router=Router(configuration.delivery.routes),
        pauses=read_pauses(configuration.pauses_file),
        queues=_queues(configuration),
        expiry_seconds=configuration.delivery.retry.expiry_seconds,
        now=time.time(),
    )
    jobs = found(configuration.spool_place, selection)
    return [answer for one in jobs if (answer := _answer(one, routes_of, view))]


def _answer(one: FoundJob, routes_of: RoutesOf, view: QueueView) -> tuple[str, Why] | None:
    if isinstance(one.item, Quarantined):
        return None
    return f"{one.shard}-{id_text(one.item.job.id)}", why(one.item, routes_of(one.item.job), view)


def _queues(configuration: Configuration) -> list[QueueFacts]:
    """None where the service is stopped; the queue can be looked at all the same."""
    try:
        workers = list(ask_workers(configuration.control_directory, "status", {}))
    except ControlUnavailableError:
        return []
    return [QueueFacts(**queue) for worker in workers for queue in worker["queues"]]
