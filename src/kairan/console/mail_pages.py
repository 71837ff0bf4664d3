"""Captured mail: the list, one message in all its forms, and the rules that a client is to meet.

Nothing that a message holds is ever part of a page but as text; its HTML is a document of its own,
which a frame shows in a sandbox and under a policy that allows nothing.
"""

from collections.abc import Mapping
from urllib.parse import quote

from kairan.capture import faults
from kairan.capture.faults import FaultRule, FaultStage
from kairan.capture.html import shown_html
from kairan.capture.read import TEXT_OCTETS_MAX, ReadMessage, ReadPart, read_message
from kairan.capture.settings import CapturePlace
from kairan.capture.store import CapturedMessage, CaptureStore, WantedMail
from kairan.console.ask import Ask, Document, GoTo, Page, first_of, query_of
from kairan.console.http import POLICY
from kairan.console.shown import octets_text, time_text
from kairan.status.fault_rules import wait_followed

_MAILS_SHOWN = 50
_RECIPIENTS_IN_ROW = 3
_PARTS_SHOWN = 100
_SEARCH = ("to", "from", "subject", "text")
_VIEWS: Mapping[str, str] = {
    "html": "view_html",
    "text": "view_text",
    "headers": "view_headers",
    "attachments": "view_attachments",
    "source": "view_source",
}
# The list alone runs a script: ours, which asks us for it again.
_LIST_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"
_FRAMING_POLICY = f"{POLICY}; frame-src 'self'"
# Of what a message brought.  `sandbox`: also where it is opened by itself it has no origin, no script,
# no form; pictures are those inside it.
_FRAMED_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_NEVER_SHOWN_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def mail_page(ask: Ask) -> Page:
    store, wanted = _store(ask), _wanted(ask.query)
    changes = store.changes()  # before the list: what comes meanwhile is told
    before = _number(ask.query, "before")
    found = store.found(wanted, before=before, limit=_MAILS_SHOWN + 1)
    shown = found[:_MAILS_SHOWN]
    more = {**_asked(ask.query), "before": str(shown[-1].id)} if len(found) > len(shown) else {}
    removed = store.removed()
    return Page(
        "mail.html",
        {
            "here": "mail",
            "asked": {name: ask.query.get(name, "") for name in _SEARCH},
            "is_search": not wanted.is_all,
            "rows": [_row(one) for one in shown],
            "number": store.number(wanted),
            "older": query_of(more),
            "removed": ask.texts["mail_removed"].format(removed) if removed else "",
            "changes": changes,
            "deleted": _digits(ask.query.get("deleted", "")),
        },
        headers={"content-security-policy": _LIST_POLICY},
    )


def _row(one: CapturedMessage) -> dict[str, object]:
    return {
        "time": time_text(one.kept),
        "author": one.author or one.sender or "<>",
        "recipients": _recipients(one, _RECIPIENTS_IN_ROW),
        "subject": one.subject,
        "size": octets_text(one.size),
        "query": query_of({"id": str(one.id)}),
    }


def _recipients(one: CapturedMessage, shown: int) -> str:
    text = first_of(one.recipients[:shown], shown)
    more = one.recipients_number - min(shown, len(one.recipients))
    return f"{text} (+{more})" if more > 0 else text


def mail_view(ask: Ask) -> Page | GoTo:
    store = _store(ask)
    found, content = _found(ask, store)
    if found is None or content is None:
        return _gone(ask)
    read = read_message(content)
    view = ask.query.get("show", "")
    if view not in _VIEWS:
        view = "html" if read.html_part is not None else "text"
    values: dict[str, object] = {
        "here": "mail",
        "id": found.id,
        "subject": found.subject,
        "facts": _facts(found),
        "view": view,
        "views": [
            (one, title, query_of({"id": str(found.id), "show": one}))
            for one, title in _VIEWS.items()
        ],
        "limits": _limits(ask, read),
    }
    return Page(
        "mail-message.html",
        {**values, **_view(ask, read, view)},
        headers={"content-security-policy": _FRAMING_POLICY} if view == "html" else {},
    )


def _facts(one: CapturedMessage) -> list[tuple[str, str]]:
    return [
        ("mail_from", one.author),
        ("sender", one.sender or "<>"),
        ("recipients", _recipients(one, len(one.recipients))),
        ("time", time_text(one.kept)),
        ("size", octets_text(one.size)),
        ("message_id", one.message_id),
    ]


def _view(ask: Ask, read: ReadMessage, view: str) -> Mapping[str, object]:
    empty: dict[str, object] = {"text": "", "fields": (), "parts": (), "without": 0, "cut": False}
    match view:
        case "html" if read.html_part is not None:
            without = shown_html(read, read.html_part)[1]
            cut = read.is_cut(read.html_part)
            return {**empty, "is_there": True, "without": without, "cut": cut}
        case "text" if read.text_part is not None:
            cut = read.is_cut(read.text_part)
            return {**empty, "is_there": True, "text": _tabs(read.text(read.text_part)), "cut": cut}
        case "headers":
            return {**empty, "is_there": True, "fields": read.fields}
        case "attachments":
            parts = [_part(ask, one) for one in read.attachments[:_PARTS_SHOWN]]
            more = len(read.attachments) > len(parts)
            return {**empty, "is_there": bool(parts), "parts": parts, "cut": more}
        case "source":
            text = read.content[:TEXT_OCTETS_MAX].decode("utf-8", "replace")
            cut = len(read.content) > TEXT_OCTETS_MAX
            return {
                **empty,
                "is_there": True,
                "text": _tabs(text.replace("\r\n", "\n")),
                "cut": cut,
            }
    return {**empty, "is_there": False}


def _tabs(text: str) -> str:
    """What a page shows by number is what nobody sees otherwise, which a tab is not."""
    return text.replace("\t", "    ")


def _part(ask: Ask, one: ReadPart) -> dict[str, object]:
    return {
        "name": one.safe_name,
        "kind": one.kind,
        "size": octets_text(one.end - one.begin),
        "query": query_of({"id": ask.query.get("id", ""), "part": str(one.number)}),
    }


def _limits(ask: Ask, read: ReadMessage) -> list[str]:
    met = read.limits
    said = {
        "limit_fields": met.fields,
        "limit_parts": met.parts,
        "limit_depth": met.depth,
        "limit_lines": met.lines,
    }
    return [ask.texts[key] for key, is_met in said.items() if is_met]


def framed_html(ask: Ask) -> Document | Page:
    _, content = _found(ask, _store(ask))
    read = read_message(content) if content is not None else None
    if read is None or read.html_part is None:
        return _gone(ask)
    return Document(
        shown_html(read, read.html_part)[0].encode("utf-8", "replace"),
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": _FRAMED_POLICY,
            "x-frame-options": "SAMEORIGIN",
            "x-dns-prefetch-control": "off",
        },
    )


def attachment(ask: Ask) -> Document | Page:
    _, content = _found(ask, _store(ask))
    read = read_message(content) if content is not None else None
    wanted = _number(ask.query, "part")
    part = next((one for one in read.parts if one.number == wanted), None) if read else None
    if read is None or part is None:
        return _gone(ask)
    return _saved(read.octets(part), part.safe_name)


def source_file(ask: Ask) -> Document | Page:
    found, content = _found(ask, _store(ask))
    if found is None or content is None:
        return _gone(ask)
    return _saved(content, f"message-{found.id}.eml")


def _saved(octets: bytes, name: str) -> Document:
    """Never of the type that a stranger wrote: a browser saves it, and shows none of it."""
    plain = name.encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Document(
        octets,
        {
            "content-type": "application/octet-stream",
            "content-disposition": disposition,
            "content-security-policy": _NEVER_SHOWN_POLICY,
        },
    )


def delete_mail(ask: Ask) -> GoTo:
    """One by its number; else all that a search finds."""
    store, one = _store(ask), _number(ask.form, "id")
    if one is not None:
        number = int(store.remove(one))
    elif ask.form.get("all") == "yes":
        number = store.remove_found(_wanted(ask.form))
    else:
        number = 0
    _tell(ask, "captured-mail.delete", messages=number)
    return GoTo("mail", {"deleted": str(number)})


# Fault rules.


def faults_page(ask: Ask) -> Page:
    now = ask.parts.clock()
    rules = faults.rules_in_force(_place(ask).directory, now)
    return Page(
        "mail-faults.html",
        {
            "here": "mail",
            "rows": [_rule_row(ask, one) for one in rules],
            "stages": list(FaultStage),
            "is_changed": ask.query.get("changed") == "1",
        },
    )


def _rule_row(ask: Ask, rule: FaultRule) -> dict[str, object]:
    outcome = rule.outcome
    met = f"{outcome.codes} {rule.answer}" if outcome is not None else ""
    return {
        "address": rule.address,
        "stage": str(rule.stage),
        "met": ask.texts["fault_drop"] if rule.drop else met,
        "means": getattr(outcome.when, ask.language) if outcome is not None else "",
        "delay": f"{rule.delay_seconds:g} s" if rule.delay_seconds else "",
        "until": time_text(rule.until) if rule.until is not None else "",
        "by": rule.by,
    }


def change_faults(ask: Ask) -> GoTo:
    """Raises FaultRuleError, whose sentence the page shows."""
    directory, now, form = _place(ask).directory, ask.parts.clock(), ask.form
    address = form.get("address", "").strip()
    if form.get("act") == "remove":
        _, version = faults.remove_faults(directory, address, form.get("stage", ""), now)
        _tell(ask, "fault.remove", address=address, stage=form.get("stage", ""))
    else:
        rule = faults.fault_rule(
            address,
            answer=form.get("answer", "").strip(),
            delay_seconds=_seconds(form.get("delay", "")) or 0.0,
            drop=form.get("drop") == "yes",
            stage=form.get("stage", ""),
            for_seconds=_seconds(form.get("for", "")),
            by=ask.by,
            now=now,
        )
        version = faults.add_fault(directory, rule)
        _tell(ask, "fault.add", address=rule.address, stage=str(rule.stage), answer=rule.answer)
    wait_followed(ask.parts.configuration, version)
    return GoTo("mail/faults", {"changed": "1"})


def _seconds(text: str) -> float | None:
    """None: nothing was written.  Raises FaultRuleError."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise faults.FaultRuleError(f'"{text[:40]}" is no number of seconds') from None


# Help.


def _place(ask: Ask) -> CapturePlace:
    place = ask.parts.configuration.capture_place
    assert place is not None, "only routed where [capture] is on"
    return place


def _store(ask: Ask) -> CaptureStore:
    assert ask.parts.capture is not None, "only routed where [capture] is on"
    return ask.parts.capture


def _found(ask: Ask, store: CaptureStore) -> tuple[CapturedMessage | None, bytes | None]:
    number = _number(ask.query, "id")
    if number is None:
        return None, None
    return store.message(number), store.content(number)


def _gone(ask: Ask) -> Page:
    return Page("problem.html", {"sentence": ask.texts["mail_gone"]}, status=404)


def _wanted(values: Mapping[str, str]) -> WantedMail:
    to, sender, subject, text = (values.get(name, "").strip() for name in _SEARCH)
    return WantedMail(to, sender, subject, text)


def _asked(values: Mapping[str, str]) -> dict[str, str]:
    return {name: values[name] for name in _SEARCH if values.get(name)}


def _number(values: Mapping[str, str], name: str) -> int | None:
    text = _digits(values.get(name, ""))
    return int(text) if text else None


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 16 else ""


def _tell(ask: Ask, what: str, **facts: object) -> None:
    ask.parts.audit(what, by={"console": ask.user.name}, **facts)
