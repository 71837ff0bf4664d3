"""What the service does now, as `kairan status` has it, the last hour by minute, and what was refused most."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from kairan.console.ask import Ask, Page, query_of
from kairan.console.shown import Explainer, age_text, destination_text, octets_text
from kairan.doctor.answer import say
from kairan.status.facts import DestinationStatus, Status
from kairan.status.gather import status
from kairan.usage.causes import causes
from kairan.usage.chart import columns_svg
from kairan.usage.growth import minutes
from kairan.usage.plots import minute_plots
from kairan.usage.report import ReportSpan, day_and_time

_DESTINATIONS_SHOWN = 10
_REFUSALS_SHOWN = 5
_DAY_SECONDS = 86_400
# Different replies that the doctor is asked about, the commonest: a millisecond each.
_EXPLAINED_MAX = 50


def overview_page(ask: Ask) -> Page:
    now = ask.parts.clock()
    found = status(ask.parts.configuration, now=now)
    explainer = Explainer(ask.language)
    return Page(
        "overview.html",
        {
            "here": "overview",
            "not_accepting": _not_accepting(ask, found),
            "facts": list(_facts(ask, found)),
            "destinations": [
                _destination(ask, one, explainer)
                for one in found.destinations[:_DESTINATIONS_SHOWN]
            ],
            "refusals": list(_refusals(ask, now)),
            **_minutes(ask, now),
        },
    )


def _not_accepting(ask: Ask, found: Status) -> list[str]:
    """As the status has it, in the page's language; what a worker says is its own words."""
    t = ask.texts
    if not found.is_running:
        return [t["service_silent"]]
    drained = [t["is_drained"]] if found.draining_since is not None else []
    refusals = {one.number: one.refusal for one in found.workers if one.refusal}
    return [*drained, *(t["worker_refuses"].format(*one) for one in refusals.items())]


def _facts(ask: Ask, found: Status) -> Iterator[tuple[str, str]]:
    t = ask.texts
    yield t["workers"], t["workers_of"].format(len(found.workers), found.workers_expected)
    if found.workers:
        accepted = sum(one.accepted_per_second for one in found.workers)
        delivered = sum(one.delivered_per_second for one in found.workers)
        yield t["accepted_rate"], t["messages_a_second"].format(accepted)
        yield t["delivered_rate"], t["recipients_a_second"].format(delivered)
    yield t["in_queue_now"], str(found.messages)
    if found.destinations:
        oldest = max(one.oldest_age_seconds for one in found.destinations)
        yield t["oldest"], age_text(oldest, ask.language)
    yield t["held_now"], str(found.held)
    yield t["quarantined"], str(found.quarantined)
    for pause in found.pauses:
        yield t["paused"], t["paused_by"].format(kind=pause.kind, name=pause.name, by=pause.by)
    if found.disk is not None:
        free, least = octets_text(found.disk.free_octets), octets_text(found.disk.free_octets_min)
        yield t["disk"], t["disk_of"].format(free, least)
    for one in found.certificates:
        left = t["days_left"].format(one.days_left)
        # By name: in a process of the service its file is a descriptor's.
        yield (
            f"{t['certificate']} {one.names[0] if one.names else one.file}",
            "; ".join((left, *one.warnings)),
        )
    for text in found.unknown:
        yield t["not_known"], text


def _destination(ask: Ask, one: DestinationStatus, explainer: Explainer) -> dict[str, object]:
    known = explainer.of(one.last_error)
    return {
        "name": destination_text(one.name, ask.language),
        "state": one.state,
        "jobs": one.jobs,
        "oldest": age_text(one.oldest_age_seconds, ask.language),
        "cause": known["when"] if known else one.last_error,
        "query": query_of({"destination": one.name}),
    }


def _refusals(ask: Ask, now: float) -> Iterator[dict[str, Any]]:
    span = ReportSpan(now - _DAY_SECONDS, now)
    trace = ask.parts.configuration.trace_directory
    found = ask.parts.recent.of("causes", lambda: causes(trace, span, explained_max=_EXPLAINED_MAX))
    for number, _, cause in found[:_REFUSALS_SHOWN]:
        yield {
            "number": number,
            "key": cause.key,
            "when": say(cause.when, ask.language),
            "remedy": say(cause.remedy, ask.language),
        }


def _minutes(ask: Ask, now: float) -> dict[str, Any]:
    trace = ask.parts.configuration.trace_directory
    counted = ask.parts.recent.of("minutes", lambda: minutes(trace, now=now))
    plots = minute_plots(counted, ask.language)
    numbers = [
        (day_and_time(begin)[11:16], [of[place] for of in counted.of.values()])
        for place, begin in enumerate(counted.begins)
    ]
    return {
        "plots": [(one.title, Markup(columns_svg(one))) for one in plots.values()],  # noqa: S704 - chart.py escapes
        "minutes": numbers[::-1],
    }
