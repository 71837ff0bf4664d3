"""Our own log, read as it was written: an event with its facts as fields.

    time=2026-11-26T10:00:00.000Z level=info event=intake.refused client=… rule=… reply="…" account=…

bare, behind what syslog and the journal put in front, or within `journalctl -o json`; and the lines
of the audit.  What a stranger brought into such a line stands in one field, so none of it is taken
for a reply.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kairan.doctor.log.reply import cause_of_reply
from kairan.outcomes.catalogue import CATALOGUE

_LINE = re.compile(
    r"time=(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) level=\w+ event=(?P<event>[a-z0-9-]+\.[a-z0-9.-]+)(?=\s|$)"
)
_FIELD = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?=\s|$)')
# One of these is in each line that is ours; looking for them costs less than the pattern.
_MARKS = (" event=", '"event"', '"what"', '"MESSAGE"')
_LEFT_OUT = "runtime.alike-lines-left-out"
_TRIED = "delivery.tried"
_UNDELIVERED = frozenset({"deferred", "unknown", "failed"})
_AUDITED = "login.refused"
# Whose events tell of mail; JSON of others has its own meaning of the word.
_PACKAGES = frozenset({"delivery", "intake", "runtime"})


@dataclass(frozen=True, slots=True)
class OwnLine:
    """`time`: as it stands in the line."""

    event: str
    facts: Mapping[str, str]
    time: str = ""


@dataclass(frozen=True, slots=True)
class OwnRefusal:
    """`count`: more than one where a line counts those that were left out."""

    cause: str
    account: str
    count: int = 1


def read_own(line: str) -> OwnLine | None:
    """None: somebody else's line."""
    if not any(mark in line for mark in _MARKS):
        return None
    if line.lstrip().startswith("{"):
        return _of_json(line)
    return _of_text(line)


def refusal_of(own: OwnLine) -> OwnRefusal | None:
    """None: it tells of no refusal."""
    facts, count = own.facts, 1
    event = own.event
    if event == _LEFT_OUT:
        event, number = facts.get("of", ""), facts.get("count", "")
        count = int(number) if number.isascii() and number.isdigit() else 1
    account = (facts.get("account") or facts.get("sender") or "").lower()
    if facts.get("rule") in CATALOGUE:
        return OwnRefusal(facts["rule"], account, count)
    if event == _TRIED and facts.get("status") in _UNDELIVERED:
        return OwnRefusal(cause_of_reply(facts.get("reply", "")), account, count)
    return None


def _of_text(text: str) -> OwnLine | None:
    found = _LINE.search(text)
    if found is None:
        return None
    facts = {name: _bare(value) for name, value in _FIELD.findall(text, found.end())}
    return OwnLine(found["event"], facts, found["time"])


def _bare(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


def _of_json(line: str) -> OwnLine | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if (message := _journal_message(found.get("MESSAGE"))) is not None:
        return _of_text(message)
    event = "intake.login-refused" if found.get("what") == _AUDITED else found.get("event")
    if not isinstance(event, str) or event.partition(".")[0] not in _PACKAGES:
        return None
    facts = {name: value for name, value in found.items() if isinstance(value, str)}
    return OwnLine(event, facts, facts.get("time", ""))


def _journal_message(message: Any) -> str | None:
    """The journal writes a text with control characters as a list of its octets."""
    if isinstance(message, list):
        octets = bytes(n for n in message if isinstance(n, int) and 0 <= n < 256)
        return octets.decode("utf-8", "replace")
    return message if isinstance(message, str) else None
