"""The queue by destination and by cause; acts on it, with the number that they concern shown before."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice

import structlog

from kairan.console.ask import Ask, GoTo, Page, first_of, query_of
from kairan.console.messages import ACTS
from kairan.console.shown import Explainer, age_text, destination_text, time_text
from kairan.queue import pauses
from kairan.queue.acts import QueueAct, carry_out, touched
from kairan.queue.errors import QueueRequestError
from kairan.queue.jobs import Selection, found
from kairan.queue.routing import Routing
from kairan.spool.interface import Job, Quarantined
from kairan.spool.operator_view import JobFilter, id_text
from kairan.spool.place import Unseen
from kairan.status.facts import DestinationStatus, Status
from kairan.status.gather import queue_of, status

log = structlog.get_logger()

_JOBS_SHOWN = 100
_RECIPIENTS_SHOWN = 3
_PAUSE, _RESUME = "pause", "resume"
# What a form says of what is meant; one of them.
_MEANT = ("id", "message_id", "destination", "route")


def queue_page(ask: Ask) -> Page:
    now = status(ask.parts.configuration, now=ask.parts.clock())
    explainer = Explainer(ask.language)
    return Page(
        "queue.html",
        {
            "here": "queue",
            "may_act": ask.may_act,
            "done": _done(ask),
            "pauses": [
                {
                    "text": ask.texts["paused_by"].format(kind=one.kind, name=one.name, by=one.by),
                    "query": query_of({one.kind: one.name}),
                }
                for one in now.pauses
            ],
            "destinations": [_destination(ask, one) for one in now.destinations],
            "causes": _causes(ask, now, explainer),
            "unseen": now.unknown,
        },
    )


def _done(ask: Ask) -> str:
    """What was just done, as the redirect says it: a known word and a number, nothing else."""
    word, number = ask.query.get("done", ""), ask.query.get("number", "")
    if word in {_PAUSE, _RESUME}:
        return ask.texts["paused_done" if word == _PAUSE else "resumed_done"]
    if word in set(QueueAct) and number.isascii() and number.isdecimal() and len(number) < 12:
        return ask.texts["done"].format(int(number))
    return ""


def _destination(ask: Ask, one: DestinationStatus) -> dict[str, object]:
    may_pause = bool(one.to) and one.state != "paused"
    return {
        "name": destination_text(one.name, ask.language),
        "state": one.state,
        "jobs": one.jobs,
        "held": one.held,
        "oldest": age_text(one.oldest_age_seconds, ask.language),
        "last_error": one.last_error,
        "acts": (*ACTS, *((_PAUSE,) if may_pause else ())),
        "query": query_of({"destination": one.name}),
    }


def _causes(ask: Ask, now: Status, explainer: Explainer) -> list[dict[str, object]]:
    together: dict[str, dict[str, object]] = {}
    for one in now.destinations:
        known = explainer.of(one.last_error)
        key = known["key"] if known else one.last_error
        row = together.setdefault(
            key,
            {
                "jobs": 0,
                "key": known["key"] if known else "",
                "when": known["when"] if known else one.last_error or ask.texts["not_explained"],
                "remedy": next(iter(known["remedies"]), "") if known else "",
            },
        )
        row["jobs"] = int(str(row["jobs"])) + one.jobs
    return sorted(together.values(), key=lambda row: -int(str(row["jobs"])))


def jobs_page(ask: Ask) -> Page | GoTo:
    destination = ask.query.get("destination", "")
    if not destination:
        return GoTo("queue")
    spool = ask.parts.configuration.spool_place
    unseen: Unseen = []
    selection = _selection(ask, {"destination": destination})
    jobs = list(islice(found(spool, selection, unseen), _JOBS_SHOWN + 1))
    rows = []
    for one in jobs[:_JOBS_SHOWN]:
        if isinstance(one.item, Quarantined):
            continue
        job, envelope = one.item.job, one.item.envelope
        name = f"{one.shard}-{id_text(job.id)}"
        rows.append(
            {
                "id": name,
                "sender": envelope.sender or "<>",
                "recipients": first_of([x.address for x in job.recipients], _RECIPIENTS_SHOWN),
                "attempts": job.attempts,
                "due": time_text(job.due),
                "detail": job.detail,
                "query": query_of({"id": name}),
                "message_query": query_of({"id": envelope.message_id}),
            }
        )
    return Page(
        "jobs.html",
        {
            "here": "queue",
            "may_act": ask.may_act,
            "acts": ACTS,
            "destination": destination,
            "query": query_of({"destination": destination}),
            "rows": rows,
            "unseen": [*map(str, unseen)],
            "is_cut": len(jobs) > _JOBS_SHOWN,
        },
    )


# Acts.


@dataclass(frozen=True, slots=True)
class _Meant:
    act: str
    name: str  # of _MEANT
    value: str

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.value}


def confirm_page(ask: Ask) -> Page:
    return _confirm(ask, _meant(ask.query))


def act(ask: Ask) -> Page | GoTo:
    meant = _meant(ask.form)
    if meant.act in {_PAUSE, _RESUME}:
        return _pause_or_resume(ask, meant)
    number = _number(ask, meant)
    if ask.form.get("number") != str(number):
        return _confirm(ask, meant, has_changed=True)
    changed = carry_out(
        ask.parts.configuration,
        QueueAct(meant.act),
        _selection(ask, meant.fields),
        now=ask.parts.clock(),
        warn=lambda sentence: log.warning("console.trace-not-written", reason=sentence),
        by=ask.by,
    )
    _tell(ask, meant, jobs=changed)
    return GoTo("queue", {"done": meant.act, "number": str(changed)})


def _confirm(ask: Ask, meant: _Meant, *, has_changed: bool = False) -> Page:
    return Page(
        "confirm.html",
        {
            "here": "queue",
            "act": meant.act,
            "what": meant.value,
            "number": _number(ask, meant),
            "fields": tuple(meant.fields.items()),
            "has_changed": has_changed,
        },
        status=409 if has_changed else 200,
    )


def _meant(values: Mapping[str, str]) -> _Meant:
    word = values.get("act", "")
    named = [(name, values[name]) for name in _MEANT if values.get(name)]
    if word not in {*QueueAct, _PAUSE, _RESUME} or len(named) != 1:
        raise QueueRequestError("say what is to be done, and to which mail")
    return _Meant(word, *named[0])


def _number(ask: Ask, meant: _Meant) -> int:
    if meant.act in {_PAUSE, _RESUME}:
        jobs = found(ask.parts.configuration.spool_place, _selection(ask, meant.fields))
        return sum(1 for _ in jobs)
    with suppress(QueueRequestError):  # it has left the queue
        selection = _selection(ask, meant.fields)
        return touched(ask.parts.configuration, QueueAct(meant.act), selection)
    return 0


def _selection(ask: Ask, fields: Mapping[str, str]) -> Selection:
    if "id" in fields:
        return Selection((fields["id"],))
    if "message_id" in fields:
        return Selection((), JobFilter(message_id=fields["message_id"], quarantined=False))
    routing = Routing(ask.parts.configuration)
    if "route" in fields:
        route = fields["route"]
        return Selection(
            (), JobFilter(quarantined=False, also=lambda item: route in routing.of(item.job))
        )
    is_of = partial(_is_of, fields["destination"], routing)
    return Selection((), JobFilter(quarantined=False, also=lambda item: is_of(item.job)))


def _is_of(name: str, routing: Routing, job: Job) -> bool:
    """By what is stored, as the list counts it, or by where it goes, as the workers have it in hand."""
    is_new = not job.attempts and not job.route
    counted = queue_of(job.route, job.destination, routing.router, is_new=is_new)
    return name == counted or name == routing.destination_of(job)  # which may ask the directory


def _pause_or_resume(ask: Ask, meant: _Meant) -> GoTo:
    configuration = ask.parts.configuration
    route = meant.value if meant.name == "route" else ""
    destination = meant.value if meant.name == "destination" else ""
    if meant.act == _PAUSE:
        pauses.pause(configuration, route=route, destination=_to(ask, destination), by=ask.by)
    else:
        pauses.resume(configuration, route=route, destination=destination)
    _tell(ask, meant)
    return GoTo("queue", {"done": meant.act})


def _to(ask: Ask, name: str) -> str:
    """A destination is paused by the text of its route; its queue may have another name."""
    known = status(ask.parts.configuration, now=ask.parts.clock()).destinations
    return next((one.to for one in known if one.name == name and one.to), name)


def _tell(ask: Ask, meant: _Meant, **facts: object) -> None:
    ask.parts.audit(
        f"queue.{meant.act}", by={"console": ask.user.name}, meant=dict(meant.fields), **facts
    )
