"""What `kairan queue why` prints."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kairan.doctor.answer import Language, Line
from kairan.outcomes.causes import OneOf
from kairan.outcomes.outcome import Text
from kairan.status.why import SENTENCES, Why

_LABELS = {
    "waits": Text("waits", "待機の理由"),
    "said": Text("last answer", "最後の応答"),
    "means": Text("which means", "意味"),
    "about": Text("it is about", "分類"),
    "do": Text("to do", "対処"),
    "next": Text("next try", "次の試行"),
    "expires": Text("expires", "期限"),
    "recipients": Text("recipients", "受信者"),
    "to": Text("goes to", "送信先"),
    "unknown": Text("not known: the service does not answer", "不明: サービスが応答しません"),
    "kept": Text("not while this lasts", "この状態の間は期限切れになりません"),
    "somebody": Text("when somebody lets it", "操作を待っています"),
}
_RECIPIENTS_SHOWN = 5


def record_of(job: str, answer: Why, language: Language) -> dict[str, Any]:
    """As --json prints it."""
    first = answer.meanings[0] if answer.meanings else None
    return {
        "id": job,
        "recipients": [recipient.address for recipient in answer.job.recipients],
        "waiting": answer.waiting,
        "because": getattr(SENTENCES[answer.waiting], language),
        "routes": list(answer.routes),
        "to": answer.to,
        "destination": answer.destination,
        "attempts": answer.job.attempts,
        "last_reply": answer.last_reply,
        "class": answer.kind or "",
        "key": first.key if first else "",
        "meaning": getattr(first.when, language) if first else "",
        "causes": [getattr(cause, language) for cause in first.causes] if first else [],
        "remedies": [getattr(remedy, language) for remedy in first.remedies] if first else [],
        "next_try": _moment(answer.next_try),
        "expires": _moment(answer.expires),
    }


def lines_of(job: str, answer: Why, language: Language) -> Iterator[Line]:
    def label(name: str) -> str:
        return str(getattr(_LABELS[name], language))

    record = record_of(job, answer, language)
    shown = answer.job.recipients[:_RECIPIENTS_SHOWN]
    more = len(answer.job.recipients) - len(shown)
    recipients = ", ".join(recipient.address for recipient in shown)
    yield Line(f"{job}", "bold")
    yield Line(f"  {label('recipients')}: {recipients}{f' (+{more})' if more > 0 else ''}")
    if answer.to:
        yield Line(f"  {label('to')}: {answer.to}")
    yield Line(f"  {label('waits')}: {record['because']}")
    if answer.last_reply:
        yield Line(f"  {label('said')}: {answer.last_reply}")
    if answer.kind is not None:
        yield Line(f"  {label('about')}: {answer.kind}")
    if record["meaning"]:
        yield Line(f"  {label('means')}: {record['meaning']}")
    if _is_undecided(answer):
        yield from (Line(f"    - {cause}") for cause in record["causes"])
    for remedy in record["remedies"]:
        yield Line(f"  {label('do')}: {remedy}")
    somebody = answer.waiting.value in {"held", "paused", "approval"}
    unknown = label("somebody") if somebody else label("unknown")
    yield Line(f"  {label('next')}: {record['next_try'] or unknown}")
    yield Line(f"  {label('expires')}: {record['expires'] or label('kept')}")


def _is_undecided(answer: Why) -> bool:
    """Whether the last answer's code alone fits several entries alike, which must then be named."""
    return bool(answer.meanings) and isinstance(answer.meanings[0], OneOf)


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
