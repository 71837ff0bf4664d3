"""Small things as pages show them: times, ages, sizes, and what the doctor says of a reply."""

from datetime import UTC, datetime
from typing import Any

from kairan.doctor.answer import Language
from kairan.doctor.explain.explain import UNKNOWN, explain_briefly
from kairan.doctor.explain.text import record_of

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def time_text(seconds: float) -> str:
    """In the zone of this machine, which is shown."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")


def age_text(seconds: float) -> str:
    whole = int(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def octets_text(octets: float) -> str:
    for unit in _UNITS[:-1]:
        if octets < 1024:
            return f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} {_UNITS[-1]}"


class Explainer:
    """The doctor's likeliest answer; one text is asked about once for each page."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._answers: dict[str, dict[str, Any] | None] = {}

    def of(self, text: str) -> dict[str, Any] | None:
        """None: nothing that we know, or no text."""
        if text not in self._answers:
            self._answers[text] = self._asked(text) if text.strip() else None
        return self._answers[text]

    def _asked(self, text: str) -> dict[str, Any] | None:
        first = explain_briefly(text)[0]
        return None if first.key == UNKNOWN else record_of(first, self._language)
