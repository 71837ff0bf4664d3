"""Findings as a person reads them, and as a program does."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kairan.doctor.answer import Language, Line, say
from kairan.doctor.device.findings import DeviceFinding, Severity
from kairan.doctor.device.fleet import JudgedDevice
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Text

_NAMES = {
    Severity.ERROR: Text("ERROR", "エラー"),
    Severity.WARNING: Text("WARNING", "警告"),
    Severity.INFO: Text("INFO", "情報"),
}
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_NOTHING = Text("Nothing is wrong with these settings.", "設定に問題は見つかりませんでした。")
_ENDS_IN = Text("The server will answer", "サーバーの応答")
_WHAT_IT_MEANS = Text("What was found, most frequent first", "検出内容（件数の多い順）")
# Once for each key in a fleet's legend: how many devices are named.
_NAMED_MAX = 5


def lines_of(findings: Sequence[DeviceFinding], language: Language) -> Iterator[Line]:
    if all(one.severity is Severity.INFO for one in findings):
        yield Line(say(_NOTHING, language), "bold green")
    for one in findings:
        yield Line(f"{say(_NAMES[one.severity], language)}  {one.key}", _STYLES[one.severity])
        yield Line(f"  {one.said(language)}")
        if _is_answered(one):
            reply = CATALOGUE[one.outcome].reply
            yield Line(f"  {say(_ENDS_IN, language)}: {reply}  ({one.outcome})", "dim")
        yield Line(f"  → {one.advised(language)}", "bold")


def _is_answered(one: DeviceFinding) -> bool:
    """Some faults never get as far as an answer: their entries are what our own relay reports."""
    is_answer = one.outcome and not one.outcome.startswith(("peer-", "name-lookup"))
    return bool(is_answer) and one.severity is not Severity.INFO


def record_of(one: DeviceFinding, language: Language) -> dict[str, Any]:
    """For --json."""
    return {
        "key": one.key,
        "severity": one.severity.value,
        "text": one.said(language),
        "remedy": one.advised(language),
        "outcome": one.outcome,
    }


def device_record(device: JudgedDevice, language: Language) -> dict[str, Any]:
    return {
        "row": device.row,
        "name": device.name,
        "findings": [record_of(one, language) for one in device.findings],
    }


def device_row(device: JudgedDevice) -> tuple[object, ...]:
    """Row, name, errors, warnings, and the keys of both."""
    counted = Counter(one.severity for one in device.findings)
    keys = [one.key for one in device.findings if one.severity is not Severity.INFO]
    errors, warnings = counted[Severity.ERROR], counted[Severity.WARNING]
    return device.row, device.name, errors, warnings, ", ".join(keys)


def legend(devices: Iterable[JudgedDevice], language: Language) -> Iterator[Line]:
    """Each finding of a fleet once: how often, where first, and what to do."""
    seen: dict[tuple[str, str], DeviceFinding] = {}
    names: dict[tuple[str, str], list[str]] = {}
    for device in devices:
        for one in device.findings:
            place = (one.key, one.said(language))
            seen.setdefault(place, one)
            names.setdefault(place, []).append(device.name)
    if seen:
        yield Line(say(_WHAT_IT_MEANS, language), "bold")
    for place in sorted(seen, key=lambda place: -len(names[place])):
        one, at = seen[place], names[place]
        more = " …" if len(at) > _NAMED_MAX else ""
        yield Line(
            f"{len(at)} x  {one.key}: {', '.join(at[:_NAMED_MAX])}{more}",
            _STYLES[one.severity],
        )
        yield Line(f"  {place[1]}")
        yield Line(f"  → {one.advised(language)}", "bold")
