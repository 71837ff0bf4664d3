"""kairan doctor compare: do two servers answer alike?"""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.doctor.options import (
    EXIT_CODES,
    LangOption,
    language,
    print_lines,
    read_standard_input,
)
from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command
from kairan.cli.output import print_json
from kairan.cli.password import StdinOption
from kairan.doctor.compare.compare import compare as compared
from kairan.doctor.compare.session import ComparedServer, ComparisonPlan
from kairan.doctor.compare.text import lines_of, record_of
from kairan.doctor.wire import ServerLogin
from kairan.mail.address import parse_address

SECRET_OCTETS_MAX = 20_000
DEFAULT_PORT = 587


app = one_command()


@app.command(
    "compare",
    epilog=examples(
        "kairan doctor compare 127.0.0.1:587 smtp.hve.mx.microsoft",
        "kairan doctor compare 127.0.0.1:587 smtp.hve.mx.microsoft --user p@example.com --password-stdin --ca ca.pem --json",
    ),
    help=(
        "Hold the same dialogue with two servers and show the differences.\n\n"
        "No message is sent unless --send says where to. A password or token is sent only in "
        "TLS with a verified certificate; without one, certificates are not verified. Names, "
        f"times and ids do not count.\n\n{EXIT_CODES}"
    ),
)
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="HOST or HOST:PORT.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    user: Annotated[
        str, typer.Option(metavar="ADDRESS", help="An account that both servers know.")
    ] = "",
    password_stdin: StdinOption = False,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read an access token from standard input.")
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A further authority for certificates.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    send: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Send one message to it, by each server.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show also what is the same.")] = False,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    login = _login(user, password_stdin=password_stdin, token_stdin=token_stdin)
    if send and login is None:
        raise BadInputError("--send needs a login: --user and --password-stdin or --token-stdin")
    _check_address(user)
    _check_address(send)
    plan = ComparisonPlan(login, ca, send, message_id=secrets.token_hex(12))
    found = compared(_server(a), _server(b), plan)
    if as_json:
        print_json(record_of(found))
    else:
        print_lines(lines_of(found, language(lang), everything=everything))
    raise typer.Exit(int(found.verdict))


def _login(user: str, *, password_stdin: bool, token_stdin: bool) -> ServerLogin | None:
    if not (password_stdin or token_stdin):
        if user:
            raise BadInputError("give --password-stdin or --token-stdin with --user")
        return None
    if password_stdin and token_stdin:
        raise BadInputError("choose one of --password-stdin and --token-stdin")
    if not user:
        raise BadInputError("give --user with the password or token")
    if sys.stdin.isatty():
        secret = typer.prompt("Password" if password_stdin else "Token", hide_input=True, err=True)
    else:
        secret = read_standard_input(octets_max=SECRET_OCTETS_MAX, what="the secret").rstrip("\r\n")
    if not secret or "\n" in secret or "\r" in secret:
        raise BadInputError("standard input must hold one line, the password or token")
    return ServerLogin(user, password=secret) if password_stdin else ServerLogin(user, token=secret)


def _check_address(text: str) -> None:
    if text and parse_address(text) is None:
        raise BadInputError(f'"{text}" is no address; write name@example.com')


def _server(text: str) -> ComparedServer:
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host.strip("[]") and not host.startswith("[")):
        return ComparedServer(text.strip("[]"), DEFAULT_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65_536 or not host:
        raise BadInputError(f'"{text}" is no server; write HOST or HOST:PORT')
    return ComparedServer(host.strip("[]"), int(port))
