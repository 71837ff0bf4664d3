"""Where a password comes from: never from an argument, which `ps` and the history would show."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kairan.auth.passwords.generated import generate_password
from kairan.cli.errors import BadInputError

StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", help="Read the password from a file, its first line."
    ),
]
GenerateOption = Annotated[
    bool, typer.Option("--generate", help="Make a password and print it, this once.")
]


def read_password(*, from_stdin: bool, file: Path | None, generate: bool) -> str:
    """From the one place that was named; without one, by asking on the terminal."""
    if sum((from_stdin, file is not None, generate)) > 1:
        raise BadInputError("choose one of --password-stdin, --password-file and --generate")
    if generate:
        return generate_password()
    if file is not None:
        return _first_line(_content(file), str(file))
    if from_stdin:
        return _first_line(sys.stdin.read(), "standard input")
    if not sys.stdin.isatty():
        raise BadInputError("a password is needed: --password-stdin, --password-file or --generate")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"the password file {file} cannot be read ({error})") from error


def _first_line(text: str, where: str) -> str:
    password = next(iter(text.splitlines()), "")
    if not password:
        raise BadInputError(f"{where} holds no password; write it on its first line")
    return password
