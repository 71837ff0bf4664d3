"""The doctor: what was pasted is explained and forgotten, in no file, no log, and not in the page."""

import asyncio

from kairan.console.ask import Ask, Page
from kairan.directory.model import Account
from kairan.doctor.device.fleet import FleetError, judge_fleet_text
from kairan.doctor.device.judge import DeviceSettings, judge_device
from kairan.doctor.device.text import legend
from kairan.doctor.device.text import lines_of as device_lines
from kairan.doctor.explain.explain import explain_briefly
from kairan.doctor.explain.text import TOLD_IN_FULL_MAX, record_of
from kairan.doctor.log.pasted import read_pasted
from kairan.doctor.log.text import lines_of as log_lines
from kairan.doctor.token.input import read_input
from kairan.doctor.token.judge import TokenContext, TokenUser, wait_report
from kairan.doctor.token.text import lines_of as token_lines
from kairan.mail.address import key_of

_KINDS = ("reply", "log", "token", "fleet")
_DEVICE = "device"
_DEVICE_FIELDS = ("server", "port", "tls", "user", "sender")
_FIELD_CHARACTERS_MAX = 1_000
_TEXT_CHARACTERS_MAX = 1_000_000
_TOKEN_CHARACTERS_MAX = 200_000


def doctor_page(ask: Ask) -> Page:
    kind = ask.form.get("kind", "")
    values: dict[str, object] = {"here": "doctor", "kind": kind if kind in _KINDS else _KINDS[0]}
    if not ask.form:
        return Page("doctor.html", values)
    if kind == _DEVICE:
        return Page("doctor.html", {**values, "lines": _of_device(ask)})
    text = ask.form.get("text", "")[:_TEXT_CHARACTERS_MAX]
    if not text.strip():
        return Page("doctor.html", {**values, "fault": "nothing_pasted"})
    match values["kind"]:
        case "token":
            return Page("doctor.html", {**values, "lines": _of_token(ask, text)})
        case "fleet":
            return Page("doctor.html", {**values, "lines": _of_fleet(ask, text)})
        case "log":
            return Page("doctor.html", {**values, "lines": _of_log(ask, text)})
    found = explain_briefly(text)[:TOLD_IN_FULL_MAX]
    answers = [record_of(one, ask.language) for one in found]
    return Page("doctor.html", {**values, "answers": answers})


def _of_token(ask: Ask, text: str) -> list[str]:
    """Nobody is asked for keys: what a stranger's token names would be asked by us."""
    given = read_input(text[:_TOKEN_CHARACTERS_MAX])
    account = Account(0, key_of(given.user), "") if given.user else None
    context = TokenContext(now=ask.parts.clock(), user=TokenUser(account))
    report = asyncio.run(wait_report(given, context))
    return [line.text for line in token_lines(report, ask.language)]


def _of_device(ask: Ask) -> list[str]:
    """A printer's fields as they were typed; the server is not asked."""
    given = {
        name: ask.form[name][:_FIELD_CHARACTERS_MAX]
        for name in _DEVICE_FIELDS
        if ask.form.get(name)
    }
    settings = DeviceSettings(**{"server": "", **given})
    return [line.text for line in device_lines(judge_device(settings), ask.language)]


def _of_fleet(ask: Ask, text: str) -> list[str]:
    """A device a line, worst findings as `kairan doctor device --csv` has them."""
    try:
        devices = list(judge_fleet_text(text, "CSV"))
    except FleetError as error:
        return [str(error)]
    rows = [
        "  ".join([one.name, *dict.fromkeys(finding.key for finding in one.findings)])
        for one in devices
    ]
    return [*rows, "", *(line.text for line in legend(devices, ask.language))]


def _of_log(ask: Ask, text: str) -> list[str]:
    return [line.text for line in log_lines(read_pasted(text), ask.language)]
