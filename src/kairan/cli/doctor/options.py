"""What the doctor's commands share: the language, lines for people, where the text comes from."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.errors import BadInputError
from kairan.cli.output import print_styled, say
from kairan.doctor.answer import Language, Line, language_of
from kairan.doctor.explain.bounce import decode_pasted

EXIT_CODES = "Exit code: 0 healthy, 1 a problem was found, 2 it could not be told."


LangOption = Annotated[
    Language | None,
    typer.Option("--lang", help="Without it: the locale's, else English.", show_default=False),
]


def language(asked: Language | None) -> Language:
    return language_of(asked)


def print_lines(lines: Iterable[Line]) -> None:
    print_styled((line.text, line.style) for line in lines)


def read_standard_input(*, octets_max: int, what: str) -> str:
    if sys.stdin.isatty():
        say(f"paste {what}, then press Ctrl-D", to_operator=True)
    octets = sys.stdin.buffer.read(octets_max + 1)
    return _text_of(octets, octets_max=octets_max, what=what)


def read_text_file(path: Path, *, octets_max: int, what: str) -> str:
    with path.open("rb") as file:
        return _text_of(file.read(octets_max + 1), octets_max=octets_max, what=what)


def _text_of(octets: bytes, *, octets_max: int, what: str) -> str:
    if len(octets) > octets_max:
        raise BadInputError(f"that is more than {octets_max} octets; give {what} alone")
    return decode_pasted(octets)
