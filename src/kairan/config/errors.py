"""The one error of this package, and how a sentence finds its line in the file."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from kairan.config.lines import Lines, Path_
from kairan.runtime.operator_error import BAD_INPUT, OperatorError


class ConfigError(OperatorError):
    """One sentence for the operator, with file and line where there is one."""

    exit_code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class Source:
    """The file being read: what a sentence about it needs."""

    path: Path
    lines: Lines

    def error(self, where: Path_, sentence: str) -> ConfigError:
        return ConfigError(f"{self.place(where)}: {sentence}")

    def place(self, where: Path_) -> str:
        """File and line of the key at `where`, or of the nearest table around it that stands in the
        file; what is nowhere in it is missing from the whole, which begins at its first line.
        """
        return f"{self.path}:{self.lines.line_of(where) or 1}"


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """`; did you mean …?`, or what is allowed where nothing is near."""
    names = list(allowed)
    near = get_close_matches(word, names, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; allowed: {', '.join(names)}"
