"""What the service does now, as `kairan status` has it, and what was refused most."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kairan.console.ask import Ask, Page, query_of
from kairan.console.shown import Explainer, age_text, octets_text
from kairan.runtime.visible import visible
from kairan.status.facts import DestinationStatus, Status
from kairan.status.gather import status
from kairan.trace.search import search

_DESTINATIONS_SHOWN = 10
_REFUSALS_SHOWN = 5
_DAY_SECONDS = 86_400
# The latest so many are counted: each is a row to read, and a text to explain once.
_REFUSALS_LOOKED_AT = 2_000
# In a refusal of ours the session stands behind its name; of others, brackets hold what changes.
_SESSION = re.compile(r" session=\S+|\[[^\]]*\]|\bclient=\S+")


def overview_page(ask: Ask) -> Page:
    now = ask.parts.clock()
    found = status(ask.parts.configuration, now=now)
    explainer = Explainer(ask.language)
    return Page(
        "overview.html",
        {
            "here": "overview",
            "not_accepting": found.not_accepting,
            "facts": list(_facts(ask, found)),
            "destinations": [
                _destination(one, explainer) for one in found.destinations[:_DESTINATIONS_SHOWN]
            ],
            "refusals": list(_refusals(ask, now, explainer)),
        },
    )


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
        yield t["oldest"], age_text(oldest)
    yield t["held_now"], str(found.held)
    yield t["quarantined"], str(found.quarantined)
    for pause in found.pauses:
        yield t["paused"], t["paused_by"].format(kind=pause.kind, name=pause.name, by=pause.by)
    if found.disk is not None:
        free, least = octets_text(found.disk.free_octets), octets_text(found.disk.free_octets_min)
        yield t["disk"], t["disk_of"].format(free, least)
    for one in found.certificates:
        left = t["days_left"].format(one.days_left)
        yield f"{t['certificate']} {one.file}", "; ".join((left, *one.warnings))
    for text in found.unknown:
        yield t["not_known"], text


def _destination(one: DestinationStatus, explainer: Explainer) -> dict[str, object]:
    known = explainer.of(one.last_error)
    return {
        "name": one.name,
        "state": one.state,
        "jobs": one.jobs,
        "oldest": age_text(one.oldest_age_seconds),
        "cause": known["when"] if known else one.last_error,
        "query": query_of({"destination": one.name}),
    }


def _refusals(ask: Ask, now: float, explainer: Explainer) -> Iterator[dict[str, Any]]:
    events = search(
        ask.parts.configuration.trace_directory,
        since=now - _DAY_SECONDS,
        limit=_REFUSALS_LOOKED_AT,
        also={"event": ["REFUSE", "FAIL", "DEFER"]},
    )
    texts = Counter[str]()
    for event in events:
        texts[_SESSION.sub("", event.detail)] += event.count
    numbers, known = Counter[str](), dict[str, dict[str, Any]]()
    for text, number in texts.items():
        answer = explainer.of(text) or {"key": "", "when": visible(text), "remedies": []}
        key = answer["key"] or text
        numbers[key] += number
        known[key] = answer
    for key, number in numbers.most_common(_REFUSALS_SHOWN):
        answer = known[key]
        yield {
            "number": number,
            "key": answer["key"],
            "when": answer["when"],
            "remedy": next(iter(answer["remedies"]), ""),
        }
