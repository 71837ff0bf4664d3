"""Which language the doctor speaks: the one asked for, else the locale's, else English."""

import locale
import os
from collections.abc import Mapping
from enum import StrEnum

from kairan.outcomes.outcome import Text


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
