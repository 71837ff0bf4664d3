"""The files of deploy/cluster, as a test's machines have them."""

from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "deploy" / "cluster"
_MARK = "# this machine"


def example(name: str, own: Mapping[str, str], everywhere: Mapping[str, str] = {}) -> str:
    """`own`: what is replaced in lines that are this machine's; `everywhere`: in all of them."""
    lines = (EXAMPLE / name).read_text().splitlines()
    text = "\n".join(_replaced(line, own) if line.endswith(_MARK) else line for line in lines)
    for before, after in everywhere.items():
        assert before in text, f"{name} has no {before}"
        text = text.replace(before, after)
    return text + "\n"


def _replaced(line: str, own: Mapping[str, str]) -> str:
    for before, after in own.items():
        line = line.replace(before, after)
    return line
