"""What was refused, failed or put off, by cause, each with what to do.

Counted is what the tally of the trace has (trace/tally.py), so a report of months reads no event.  Ours are
known by their key; what a next hop said the doctor explains.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kairan.doctor.explain.explain import UNKNOWN, explain_briefly
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import UNDECIDED
from kairan.outcomes.outcome import Text
from kairan.runtime.visible import visible
from kairan.trace.tally import REASONS_MAX, reasons
from kairan.usage.report import ReportColumn, ReportKind, ReportSpan, ReportTable

_NOTHING = Text("", "")
_MANY = Text(
    "Further replies of minutes that had too many different ones to count each",
    "種類が多すぎて個別に集計できなかった応答",
)
_EVENTS = {
    "REFUSE": Text("refused", "拒否"),
    "FAIL": Text("failed", "失敗"),
    "DEFER": Text("deferred", "再試行待ち"),
    "UNKNOWN": Text("no answer", "応答なし"),
}
_TITLE = Text("Refusals by cause", "原因別の拒否")
_COLUMNS = (
    ReportColumn("count", Text("Number", "件数"), is_number=True),
    ReportColumn("event", Text("What", "種別")),
    ReportColumn("key", Text("Cause", "原因")),
    ReportColumn("code", Text("Reply", "応答コード")),
    ReportColumn("when", Text("What happened", "何が起きたか")),
    ReportColumn("remedy", Text("What to do", "対処")),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """`key`: the catalogue's; empty: not in it, and `when` is what was said."""

    key: str
    code: str
    when: Text
    remedy: Text


def causes(
    directory: Path, span: ReportSpan, *, explained_max: int = REASONS_MAX
) -> list[tuple[int, str, Cause]]:
    """Number, event and cause, the commonest first.  The doctor is asked about so many reasons, the
    commonest.  What is in no catalogue is one cause for each code, told in its commonest words.
    """
    found = reasons(directory, since=span.since, until=span.until)
    told: dict[str, Cause] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    known: dict[tuple[str, str], Cause] = {}
    for (event, reason), number in found.most_common():
        if reason not in told:
            told[reason] = _cause(reason) if len(told) < explained_max else _as_said(reason)
        cause = told[reason]
        what = event, cause.key or cause.code or cause.when.en
        known.setdefault(what, cause)
        numbers[what] += number
    return [(number, what[0], known[what]) for what, number in numbers.most_common()]


def causes_report(directory: Path, span: ReportSpan) -> ReportTable:
    rows = list(_rows(causes(directory, span)))
    facts = {"total": {"count": sum(row["count"] for row in rows)}}
    return ReportTable(ReportKind.REFUSALS, _TITLE, span, _COLUMNS, rows, 0, facts)


def _rows(found: list[tuple[int, str, Cause]]) -> Iterator[dict[str, Any]]:
    for number, event, cause in found:
        yield {
            "count": number,
            "event": _EVENTS[event],
            "key": cause.key,
            "code": cause.code,
            "when": cause.when,
            "remedy": cause.remedy,
        }


def _cause(reason: str) -> Cause:
    outcome = CATALOGUE.get(reason)
    if outcome is not None:
        remedy = next(iter(outcome.remedies), _NOTHING)
        return Cause(outcome.key, outcome.codes, outcome.when, remedy)
    if not reason.strip():
        return Cause("", "", _MANY, _NOTHING)
    first = explain_briefly(reason)[0]
    code = " ".join(part for part in (str(first.reply.code or ""), first.reply.enhanced) if part)
    if first.key == UNKNOWN:
        return _as_said(reason, code)
    remedy = next(iter(first.advice.remedies), _NOTHING)
    key = "" if first.key == UNDECIDED else first.key
    return Cause(key, code, first.advice.when, remedy)


def _as_said(reason: str, code: str = "") -> Cause:
    text = visible(reason)
    return Cause("", code, Text(text, text), _NOTHING)
