"""What each answer of the doctor has: a verdict, which is the exit code, and lines in a language.

The language is the one asked for, else the locale's, else English.
"""

import locale
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from kairan.outcomes.outcome import Text


class Verdict(IntEnum):
    """The exit code of every doctor command."""

    HEALTHY = 0
    PROBLEM = 1
    UNCLEAR = 2


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    style: str = ""  # as rich names it; a file gets the text alone


class Language(StrEnum):
    EN = "en"
    JA = "ja"


# POSIX: the first one that is set decides, what it says of the language comes first in it.
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_of(asked: str | None, environment: Mapping[str, str] = os.environ) -> Language:
    if asked:
        return Language(asked)
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    # Windows sets none of the variables; its own name is "Japanese_Japan".
    name = named or locale.getlocale()[0] or ""
    return Language.JA if name.lower().startswith("ja") else Language.EN


def say(text: Text, language: Language) -> str:
    return text.ja if language is Language.JA else text.en
