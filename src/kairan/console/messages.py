"""Searching for messages, and one message: each recipient's timeline, with the refusal explained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from kairan.console.ask import Ask, GoTo, Page, first_of, query_of
from kairan.console.entries.common import containing
from kairan.console.shown import Explainer, time_text
from kairan.directory.store import Directory
from kairan.queue.jobs import Selection
from kairan.queue.routing import Routing
from kairan.queue.why import answers
from kairan.spool.operator_view import JobFilter
from kairan.status.why import SENTENCES, Why
from kairan.trace.search import TraceEvent
from kairan.trace.story import (
    STATUS,
    MessageStatus,
    TracedMessage,
    Wanted,
    find_messages,
    last_of_recipients,
)

_MESSAGES_SHOWN = 50
_CHOICES_SHOWN = 20
_RECIPIENTS_SHOWN = 3
_JOBS_SHOWN = 50
SPANS: Mapping[str, float] = {"24h": 86_400, "1h": 3_600, "7d": 7 * 86_400, "30d": 30 * 86_400}
ACTS = ("retry", "hold", "release", "drop")
# Of MessageStatus, the key of its text, where it is not the same word.
_TEXT_KEYS = {MessageStatus.FAILED: "failed_status"}
# What becomes of a message; of the others the status says another thing than the event.
_SPOKEN = STATUS.keys() - {"RETRY", "RELEASE", "UNKNOWN"}
_EXPLAINED = frozenset({"DEFER", "FAIL", "REFUSE", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class _Asked:
    to: str
    sender: str
    message_id: str
    status: str
    since: str

    @property
    def is_anything(self) -> bool:
        return bool(self.to or self.sender or self.message_id or self.status)


def search_page(ask: Ask) -> Page | GoTo:
    asked = _asked(ask.query)
    values: dict[str, Any] = {
        "here": "messages",
        "asked": asked,
        "spans": tuple(SPANS),
        "statuses": [(str(one), _status_text(ask, one)) for one in MessageStatus],
        "is_asked": bool(ask.query),
    }
    found = {"to": asked.to, "from": asked.sender}
    for name, text in found.items():
        if text and "@" not in text:
            meant = _meant(ask.parts.directory, text)
            if len(meant) != 1:
                return Page("messages.html", {**values, **_choices(ask, name, meant)})
            found[name] = meant[0][0]
    if not asked.is_anything and "since" not in ask.query:
        return Page("messages.html", values)
    result = find_messages(
        ask.parts.configuration.trace_directory,
        Wanted(
            message_id=_bracketed(asked.message_id),
            sender=found["from"],
            recipient=found["to"],
            status=asked.status,
            since=None if asked.message_id else ask.parts.clock() - SPANS[asked.since],
        ),
        limit=_MESSAGES_SHOWN,
    )
    explainer = Explainer(ask.language)
    rows = [_row(ask, one, found["to"], explainer) for one in reversed(result.messages)]
    longer = query_of({**ask.query, "since": "30d"}) if asked.since != "30d" else ""
    return Page(
        "messages.html", {**values, "rows": rows, "is_cut": result.is_cut, "longer": longer}
    )


def _asked(query: Mapping[str, str]) -> _Asked:
    status, since = query.get("status", ""), query.get("since", "")
    return _Asked(
        to=query.get("to", "").strip(),
        sender=query.get("from", "").strip(),
        message_id=query.get("id", "").strip(),
        status=status if status in set(MessageStatus) else "",
        since=since if since in SPANS else "24h",
    )


def _bracketed(message_id: str) -> str:
    return f"<{message_id.strip('<> ')}>" if message_id else ""


def _meant(directory: Directory, text: str) -> Sequence[tuple[str, str]]:
    """Whose address or name has it: address and name."""
    named = ("address", "display_name")
    everyone = chain(
        ((one.address, one.display_name) for one in directory.mailboxes(search=text)),
        ((one.address, one.display_name) for one in containing(directory.accounts(), text, *named)),
        ((one.address, one.display_name) for one in containing(directory.groups(), text, *named)),
    )
    return list(islice(everyone, _CHOICES_SHOWN))


def _choices(ask: Ask, name: str, meant: Sequence[tuple[str, str]]) -> dict[str, object]:
    choices = [
        {"address": address, "name": shown, "query": query_of({**ask.query, name: address})}
        for address, shown in meant
    ]
    return {"choices": choices, "nobody": not choices}


def _row(
    ask: Ask, message: TracedMessage, recipient: str, explainer: Explainer
) -> dict[str, object]:
    last = _last_of(message.events)
    addresses = [event.recipient for event in last if event.recipient]
    wanted = [event for event in last if event.recipient.lower() == recipient.lower()]
    statuses = dict.fromkeys(_event_status(ask, event) for event in (wanted or last))
    subject = next((event.subject for event in message.events if event.subject), "")
    first = message.events[0]
    refused = next((one for one in wanted or last if one.event in _EXPLAINED), None)
    known = explainer.of(refused.detail) if refused else None
    return {
        "means": " ".join((known["when"], *known["remedies"][:1])) if known else "",
        "time": time_text(first.time),
        "sender": first.sender or "<>",
        "recipients": first_of([recipient] if wanted and recipient else addresses, 3),
        "status": ", ".join(statuses),
        "title": subject or message.message_id or first.detail,
        "query": query_of({"id": message.message_id}),
    }


def message_page(ask: Ask) -> Page | GoTo:
    named = ask.query.get("id", "").strip()
    # As it is in the trace, or as somebody copied it, without < >.
    for message_id in dict.fromkeys((named, _bracketed(named))):
        found = _messages_with(ask, message_id)
        if found:
            break
    else:
        return GoTo("messages", {"id": named} if named else {})
    message = found[-1]
    return Page(
        "message.html",
        {
            "here": "messages",
            "message_id": message.message_id,
            "facts": list(_facts(message.events)),
            "left_out": message.left_out,
            "jobs": _jobs(ask, message.message_id),
            "acts": ACTS,
            "query": query_of({"message_id": message.message_id}),
            "may_act": ask.may_act,
            "timelines": list(_timelines(ask, message.events)),
        },
    )


def _messages_with(ask: Ask, message_id: str) -> Sequence[TracedMessage]:
    if not message_id:
        return ()
    wanted = Wanted(message_id=message_id)
    return find_messages(ask.parts.configuration.trace_directory, wanted, limit=1).messages


def _facts(events: Sequence[TraceEvent]) -> Iterator[tuple[str, str]]:
    for name in ("sender", "account", "client", "subject"):
        values = dict.fromkeys(text for one in events if (text := getattr(one, name)))
        if values:
            yield name, ", ".join(values)


def _jobs(ask: Ask, message_id: str) -> list[dict[str, object]]:
    configuration = ask.parts.configuration
    selection = Selection((), JobFilter(message_id=message_id))
    found = answers(configuration, selection, Routing(configuration).of)
    return [_job(ask, job, answer) for job, answer in found[:_JOBS_SHOWN]]


def _job(ask: Ask, job: str, answer: Why) -> dict[str, object]:
    return {
        "id": job,
        "recipients": first_of([one.address for one in answer.job.recipients], _RECIPIENTS_SHOWN),
        "because": getattr(SENTENCES[answer.waiting], ask.language),
        "last_reply": answer.last_reply,
        "next_try": time_text(answer.next_try) if answer.next_try is not None else "",
        "query": query_of({"id": job}),
    }


def _timelines(ask: Ask, events: Sequence[TraceEvent]) -> Iterator[dict[str, object]]:
    """The message's own first, then a recipient each, in the order in which they appeared."""
    explainer = Explainer(ask.language)
    together: dict[str, list[TraceEvent]] = {"": []}
    for event in events:
        together.setdefault(event.recipient, []).append(event)
    for recipient, own in together.items():
        if not own:
            continue
        last = own[-1]
        told = next((one for one in reversed(own) if one.event in _EXPLAINED), None)
        status = STATUS.get(last.event) if recipient else None
        is_delivered = status is MessageStatus.DELIVERED
        yield {
            "recipient": recipient,
            "status": _status_text(ask, status) if status else "",
            "status_key": str(status or ""),
            "events": [
                {
                    "time": time_text(one.time),
                    "word": _event_status(ask, one) if one.event in _SPOKEN else "",
                    "event": one.event,
                    "detail": one.detail,
                }
                for one in own
            ],
            "explained": explainer.of(told.detail) if told and not is_delivered else None,
            "is_delivered": is_delivered,
        }


def _last_of(events: Iterable[TraceEvent]) -> Sequence[TraceEvent]:
    """Of each recipient the last event that says what became of it; of the message, without any."""
    last = last_of_recipients(events)
    return [event for key, event in last.items() if key] or list(last.values())


def _event_status(ask: Ask, event: TraceEvent) -> str:
    return _status_text(ask, STATUS[event.event])


def _status_text(ask: Ask, status: MessageStatus) -> str:
    return ask.texts[_TEXT_KEYS.get(status, str(status))]
