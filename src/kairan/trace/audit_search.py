"""Looking into the audit: all writers' lines in the order of their times, those set aside too."""

import heapq
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Who lets people and programs in, and gives tokens: their lines are logins, not changes.
_LOGIN_WRITERS = ("worker-", "issuer")
_HEAD = {"time", "what", "about", "by", "key", "client"}


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """Empty or None: any.  `what` is the name's beginning; `word` stands anywhere in the line."""

    since: float | None = None
    until: float | None = None
    what: str = ""
    about: str = ""
    word: str = ""
    logins: bool = False  # also those of workers and issuer


def search_audit(folder: Path, wanted: AuditWanted, *, limit: int) -> list[dict[str, Any]]:
    """The latest `limit`, the latest last.  A line that does not read is passed over."""
    begins, ends = _moment(wanted.since), _moment(wanted.until)

    def fits(line: dict[str, Any]) -> bool:
        return (
            (not begins or line["time"] >= begins)
            and (not ends or line["time"] < ends)
            and str(line["what"]).startswith(wanted.what)
            and (not wanted.about or wanted.about.lower() == str(line.get("about", "")).lower())
        )

    found = (line for file in _files(folder, wanted) for line in _lines(file, wanted) if fits(line))
    # Of one millisecond, those further on in a file are later.
    latest = heapq.nlargest(
        limit, enumerate(found), key=lambda pair: (str(pair[1]["time"]), pair[0])
    )
    return [line for _, line in reversed(latest)]


def _files(folder: Path, wanted: AuditWanted) -> Iterator[Path]:
    """One that was last written to before `since` holds nothing of it."""
    for file in sorted(folder.glob("*.jsonl*")):
        is_of_logins = file.name.startswith(_LOGIN_WRITERS)
        with suppress(FileNotFoundError):  # set aside meanwhile, under another name
            is_too_old = wanted.since is not None and file.stat().st_mtime < wanted.since
            if not is_too_old and (wanted.logins or not is_of_logins):
                yield file


def _lines(file: Path, wanted: AuditWanted) -> Iterator[dict[str, Any]]:
    with suppress(FileNotFoundError), file.open(encoding="utf-8") as lines:
        for text in lines:
            if wanted.word and wanted.word.lower() not in text.lower():
                continue
            with suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict) and "time" in line and "what" in line:
                    yield line


def _moment(seconds: float | None) -> str:
    """As the lines have it."""
    if seconds is None:
        return ""
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def actor_of(line: dict[str, Any]) -> str:
    """Who it was: a user of this machine, of the console, or a key of the API."""
    by = line.get("by")
    if isinstance(by, dict) and "console" in by:
        return f"{by['console']} (console)"
    if "key" in line:
        return f"{line['key']} (API key)"
    if isinstance(by, dict):
        return str(by.get("sudo_user") or by.get("user") or by.get("uid", ""))
    return str(line.get("name") or line.get("account") or "")


def facts_of(line: dict[str, Any]) -> str:
    """What it says beside when, what, about what and who, as JSON."""
    rest = {name: value for name, value in line.items() if name not in _HEAD and value}
    return json.dumps(rest, ensure_ascii=False) if rest else ""
