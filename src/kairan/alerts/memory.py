"""What was told, on disk.

    <data>/alerts.json   0600, replaced as a whole: {"told": [{…a Told…}]}

Unreadable counts as empty: then everything that lasts is told once more.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kairan.alerts.alert import Concern, Told
from kairan.outcomes.outcome import Text
from kairan.runtime.files import private_file

_OCTETS_MAX = 4 * 1024 * 1024  # a hundred concerns are some 100 KB


def read_told(path: Path) -> dict[str, Told]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_OCTETS_MAX))["told"]
        return {one.concern.key: one for one in map(_told, found)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_told(path: Path, told: Mapping[str, Told]) -> None:
    records = [
        {
            "key": one.concern.key,
            "kind": one.concern.kind,
            "about": one.concern.about,
            "en": one.concern.text.en,
            "ja": one.concern.text.ja,
            "facts": dict(one.concern.facts),
            "since": one.since,
            "at": one.at,
            "ways": sorted(one.ways),
        }
        for one in told.values()
    ]
    with private_file(path) as file:
        file.write(json.dumps({"told": records}, default=str).encode())


def _told(one: dict[str, Any]) -> Told:
    text = Text(str(one["en"]), str(one["ja"]))
    concern = Concern(str(one["key"]), str(one["kind"]), str(one["about"]), text, one["facts"])
    return Told(concern, float(one["since"]), float(one["at"]), frozenset(map(str, one["ways"])))
