"""Who may log in how: accounts against kinds of login, with the control that answers and what to do."""

from itertools import product
from typing import Any

from kairan.auth.policies import ControlVerdict, LoginKind, login_verdict
from kairan.console.ask import Ask, Page
from kairan.console.entries.pages import list_values
from kairan.console.entries.policies import POLICIES
from kairan.directory.model import Account, Organisation
from kairan.doctor.answer import say
from kairan.mail.role import Role
from kairan.outcomes.outcome import Outcome

_ROWS_SHOWN = 500
_KINDS = tuple(product(Role, LoginKind))
_KIND_TEXTS = {LoginKind.BASIC: "basic", LoginKind.MODERN: "modern"}


def policies_page(ask: Ask) -> Page:
    directory = ask.parts.directory
    organisation, everyone = directory.organisation(), directory.accounts()
    answers: dict[str, Outcome] = {}
    rows = [_row(ask, one, organisation, answers) for one in everyone[:_ROWS_SHOWN]]
    return Page(
        "policies.html",
        {
            **list_values(POLICIES, ask),
            "controls": _controls(ask, organisation),
            "kinds": [(str(role), ask.texts[_KIND_TEXTS[kind]]) for role, kind in _KINDS],
            "matrix": rows,
            "matrix_is_cut": len(everyone) > len(rows),
            "answers": [_answer(ask, one) for one in answers.values()],
        },
    )


def _controls(ask: Ask, organisation: Organisation) -> list[tuple[str, str]]:
    on, off = ask.texts["yes"], ask.texts["no"]
    disabled = organisation.smtp_client_authentication_disabled
    return [
        (ask.texts["security_defaults"], on if organisation.security_defaults else off),
        ("SmtpClientAuthenticationDisabled", on if disabled else off),
        (ask.texts["default_policy"], organisation.default_policy or "–"),
    ]


def _row(
    ask: Ask, account: Account, organisation: Organisation, answers: dict[str, Outcome]
) -> dict[str, Any]:
    cells = []
    for role, kind in _KINDS:
        verdict = login_verdict(account, organisation, role=role, kind=kind)
        if verdict.block is not None and verdict.block.outcome is not None:
            answers.setdefault(verdict.block.outcome.key, verdict.block.outcome)
        cells.append(_cell(ask, verdict))
    return {"address": account.address, "cells": cells}


def _cell(ask: Ask, verdict: ControlVerdict) -> dict[str, str]:
    """What answers; where all allow, what each of them says."""
    block = verdict.block
    if block is not None:
        key = block.outcome.key if block.outcome is not None else ""
        return {
            "class": "refused",
            "word": ask.texts["blocked"],
            "why": say(block.why, ask.language),
            "key": key,
        }
    if verdict.fault is not None:
        why = say(verdict.fault, ask.language)
        return {"class": "refused", "word": ask.texts["blocked"], "why": why, "key": ""}
    why = "; ".join(say(one.why, ask.language) for one in verdict.findings)
    return {"class": "good", "word": ask.texts["allowed"], "why": why, "key": ""}


def _answer(ask: Ask, outcome: Outcome) -> dict[str, str]:
    remedy = outcome.remedies[0] if outcome.remedies else None
    return {
        "key": outcome.key,
        "reply": f"{outcome.codes} {outcome.text}",
        "when": say(outcome.when, ask.language),
        "remedy": say(remedy, ask.language) if remedy else "",
    }
