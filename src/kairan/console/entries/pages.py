"""The pages of every kind of entry: the list, the entry, a form, and what a form does."""

import json
from collections.abc import Mapping
from hashlib import sha256
from itertools import islice
from typing import Any

from kairan.console.ask import Ask, GoTo, Page, query_of
from kairan.console.entries.form import read_form, shown_fields, text_of
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.roles import Right
from kairan.directory.errors import DirectoryUnavailableError
from kairan.doctor.answer import say
from kairan.runtime.operator_error import OperatorError

ROWS_SHOWN = 200
_SEARCH_CHARACTERS_MAX = 200
_TOLD_MAX = 100  # of a list, in one line of the audit


def list_page(kind: EntryKind, ask: Ask) -> Page:
    return Page("entries.html", list_values(kind, ask))


def list_values(kind: EntryKind, ask: Ask) -> dict[str, Any]:
    search = ask.query.get("search", "").strip()[:_SEARCH_CHARACTERS_MAX]
    found = list(islice(kind.everyone(ask, search), ROWS_SHOWN + 1))
    rows = [
        {
            "name": kind.name(one),
            "query": query_of({"name": kind.name(one)}),
            "cells": [cell(ask, one) for _, cell in kind.columns],
        }
        for one in found[:ROWS_SHOWN]
    ]
    return {
        "here": kind.place,
        "one": kind.one,
        "headings": [key for key, _ in kind.columns],
        "rows": rows,
        "is_cut": len(found) > ROWS_SHOWN,
        "search": search,
        "acts": _acts(kind, ask, None),
        "done": _done(kind, ask),
    }


def entry_page(kind: EntryKind, ask: Ask) -> Page:
    entry = kind.find(ask, ask.query.get("name", ""))
    if entry is None:
        return _missing(ask)
    return Page(
        "entry.html",
        {
            "here": kind.place,
            "one": kind.one,
            "name": kind.name(entry),
            "facts": [(key, value) for key, value in kind.facts(ask, entry) if value],
            "lists": kind.lists(ask, entry),
            "links": kind.links(ask, entry),
            "acts": _acts(kind, ask, entry),
            "done": _done(kind, ask),
        },
    )


def form_page(kind: EntryKind, ask: Ask) -> Page:
    change = kind.change(ask.query.get("do", ""))
    entry = _entry(kind, change, ask, ask.query)
    if change is None or entry is _MISSING:
        return _missing(ask)
    now = change.now(ask, entry)
    texts = {one.name: text_of(one, now[one.name]) for one in change.fields if one.name in now}
    return _form(kind, ask, change, entry, texts=texts)


def take_form(kind: EntryKind, ask: Ask) -> Page | GoTo:
    """Nothing is changed by a form that was opened before somebody else's change."""
    change = kind.change(ask.form.get("do", ""))
    entry = _entry(kind, change, ask, ask.form)
    if change is None or entry is _MISSING:
        return _missing(ask)
    read = read_form(change.fields, ask.form, ask.parts.directory)
    if read.faults:
        return _form(kind, ask, change, entry, texts=read.texts, faults=read.faults, status=400)
    if ask.form.get("seen", "") != _seen(kind, ask, entry):
        said = ask.texts["entry_changed"]
        now = change.now(ask, entry)
        texts = {one.name: text_of(one, now[one.name]) for one in change.fields if one.name in now}
        return _form(kind, ask, change, entry, texts=texts, fault=said, status=409)
    before = dict(kind.values(ask, entry)) if entry is not None else {}
    try:
        changed = change.act(ask, entry, read.values)
    except DirectoryUnavailableError:
        raise
    except OperatorError as error:
        return _form(kind, ask, change, entry, texts=read.texts, fault=ask.said(error), status=409)
    if not changed.is_dry:
        _tell(kind, ask, change, before, entry, changed)
    if changed.secret or changed.report:
        return _said_once(kind, ask, change, changed)
    query = {"done": change.word}
    if not changed.name:
        return GoTo(kind.place, query)
    return GoTo(f"{kind.place}/one", {"name": changed.name, **query})


def _said_once(kind: EntryKind, ask: Ask, change: EntryChange, changed: Changed) -> Page:
    """No redirect, for what is told is kept nowhere."""
    label = changed.secret_label if changed.secret and changed.secret_label else change.label
    place = f"{kind.place}/one?{query_of({'name': changed.name})}" if changed.name else kind.place
    return Page(
        "secret.html",
        {
            "here": kind.place,
            "name": changed.name,
            "secret": changed.secret,
            "report": changed.report,
            "label": say(label, ask.language),
            "place": place,
        },
    )


_MISSING = object()


def _entry(kind: EntryKind, change: EntryChange | None, ask: Ask, values: Mapping[str, str]) -> Any:
    if change is None or not change.of_one:
        return None
    found = kind.find(ask, values.get("name", ""))
    return found if found is not None and change.fits(found) else _MISSING


def _form(
    kind: EntryKind,
    ask: Ask,
    change: EntryChange,
    entry: Any,
    *,
    texts: Mapping[str, str],
    faults: Mapping[str, Any] | None = None,
    fault: str = "",
    status: int = 200,
) -> Page:
    name = kind.name(entry) if entry is not None else ""
    fields = shown_fields(change.fields, texts, faults or {}, ask.parts.directory, ask.language)
    return Page(
        "change.html",
        {
            "here": kind.place,
            "label": say(change.label, ask.language),
            "do": change.word,
            "name": name,
            "seen": _seen(kind, ask, entry),
            "fields": fields,
            "has_faults": bool(faults),
            "not_done": fault,
            "note": say(change.note, ask.language) if change.note else "",
            "is_grave": change.is_grave,
            "back": f"{kind.place}/one?{query_of({'name': name})}" if name else kind.place,
        },
        status,
    )


def _seen(kind: EntryKind, ask: Ask, entry: Any) -> str:
    """What the form's writer has seen of the entry, its password's age included."""
    if entry is None:
        return ""
    stamp = getattr(entry, "credential_version", 0)
    known = json.dumps([stamp, _plain(kind.values(ask, entry))], sort_keys=True)
    return sha256(known.encode()).hexdigest()[:32]


def _acts(kind: EntryKind, ask: Ask, entry: Any) -> list[tuple[str, str]]:
    if Right.CHANGE_DIRECTORY not in ask.rights:
        return []
    fitting = [
        one
        for one in kind.changes
        if one.of_one is (entry is not None) and (entry is None or one.fits(entry))
    ]
    names = {"name": kind.name(entry)} if entry is not None else {}
    return [(query_of({"do": one.word, **names}), say(one.label, ask.language)) for one in fitting]


def _done(kind: EntryKind, ask: Ask) -> str:
    change = kind.change(ask.query.get("done", ""))
    return f"{ask.texts['entry_done']} {say(change.label, ask.language)}" if change else ""


def _missing(ask: Ask) -> Page:
    return Page("problem.html", {"sentence": ask.texts["entry_missing"]}, status=404)


def _tell(
    kind: EntryKind,
    ask: Ask,
    change: EntryChange,
    before: Mapping[str, Any],
    entry: Any,
    changed: Changed,
) -> None:
    """As a command's line: what it is about, and of before and after only what differs."""
    present = kind.find(ask, changed.name) if changed.name else None
    after = dict(kind.values(ask, present)) if present is not None else {}
    old, new = _plain(before), _plain(after)
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    facts: dict[str, object] = {
        "about": changed.name or (kind.name(entry) if entry is not None else ""),
        "before": {name: old[name] for name in differing if name in old},
        "after": {name: new[name] for name in differing if name in new},
        **changed.facts,
    }
    ask.parts.audit(change.audit, by={"console": ask.user.name}, **facts)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value)[:_TOLD_MAX] if isinstance(value, list | tuple | frozenset) else value
        for name, value in values.items()
    }
