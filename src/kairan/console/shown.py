"""Small things as pages show them: times, ages, sizes, and what the doctor says of a reply."""

from datetime import UTC, datetime
from typing import Any

from kairan.doctor.answer import Language, say
from kairan.doctor.explain.explain import UNKNOWN, explain_briefly
from kairan.doctor.explain.text import record_of
from kairan.outcomes.outcome import Text
from kairan.status.gather import NOT_TRIED, RETRYING

_AGES = (
    (86_400, Text("{} d", "{} 日")),
    (3_600, Text("{} h", "{} 時間")),
    (60, Text("{} min", "{} 分")),
    (1, Text("{} s", "{} 秒")),
)
_NO_DESTINATION = {
    NOT_TRIED: Text(NOT_TRIED, "(未送信)"),
    RETRYING: Text(RETRYING, "(再試行待ち)"),
}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def time_text(seconds: float) -> str:
    """In the zone of this machine, which is shown."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")


def age_text(seconds: float, language: Language) -> str:
    whole = int(seconds)
    size, text = next((one for one in _AGES if whole >= one[0]), _AGES[-1])
    return say(text, language).format(whole // size)


def destination_text(name: str, language: Language) -> str:
    """Queues of jobs that wait for no destination in particular have sentences for names."""
    return say(_NO_DESTINATION[name], language) if name in _NO_DESTINATION else name


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
