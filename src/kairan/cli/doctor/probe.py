"""kairan doctor probe: would this server take my mail?"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from kairan.cli.doctor.options import EXIT_CODES, LangOption, language, print_lines
from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command, with_option_lists
from kairan.cli.output import print_json
from kairan.cli.password import FileOption, StdinOption, read_password
from kairan.doctor.probe.probe import probe as run
from kairan.doctor.probe.settings import (
    PORT_IMPLICIT,
    PORT_SUBMISSION,
    ProbeSettings,
    ProbeTarget,
    ProbeTls,
    ProbeTransaction,
)
from kairan.doctor.probe.text import lines_of, record_of
from kairan.doctor.probe.tls import context_of
from kairan.doctor.wire import OAuthClient, ServerLogin
from kairan.mail.address import parse_address

# A name, an address, or [an IPv6 address]; behind it perhaps a port.
_WHERE = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>\d{1,5}))?"
)


app = one_command()


@dataclass(frozen=True, slots=True)
class OAuthOptions:
    oauth_token_url: Annotated[
        str, typer.Option(metavar="URL", help="Get a token here (client credentials).")
    ] = ""
    oauth_client_id: Annotated[str, typer.Option(metavar="ID", help="The application's id.")] = ""
    oauth_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its secret, on the file's first line.")
    ] = None
    oauth_scope: Annotated[str, typer.Option(metavar="SCOPE", help="What the token is for.")] = (
        "https://outlook.office365.com/.default"
    )


@dataclass(frozen=True, slots=True)
class TransactionOptions:
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="Without it: the user.")
    ] = ""
    recipient: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="Ask for this recipient too.")
    ] = ""
    send: Annotated[bool, typer.Option("--send", help="Send a test message to --to.")] = False


@dataclass(frozen=True, slots=True)
class TlsOptions:
    tls: Annotated[
        ProbeTls | None,
        typer.Option(help="Without it: implicit at port 465, else starttls.", show_default=False),
    ] = None
    ca_file: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Trust this authority alone.")
    ] = None
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Log in although the certificate does not verify.")
    ] = False


@app.command(
    "probe",
    epilog=examples(
        "kairan doctor probe smtp.hve.mx.microsoft",
        "kairan doctor probe localhost:2525 --ca ca.pem --user printer@kairan.test --password-file pw --to user001@kairan.test",
        "kairan doctor probe smtp.hve.mx.microsoft --user hve@example.com --token-stdin < token",
    ),
    help="Ask a server step by step whether it would take mail.\n\n"
    "Name, connection, greeting, TLS, certificate, login, sender, recipient: each with its "
    "time. Credentials go out after TLS and to a certificate that verifies, or not at all; a "
    f"message only with --send.\n\n{EXIT_CODES}",
)
@with_option_lists
def probe(
    where: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Port 587 without one.")],
    user: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Log in as this account.", show_default=False)
    ] = "",
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read an access token from standard input.")
    ] = False,
    oauth: OAuthOptions = OAuthOptions(),
    mail: TransactionOptions = TransactionOptions(),
    channel: TlsOptions = TlsOptions(),
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=600, help="For each step.")
    ] = ProbeSettings().timeout_seconds,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    client = _oauth(oauth)
    ways = (password_stdin, password_file is not None, token_stdin, client is not None)
    if sum(ways) > 1:
        raise BadInputError(
            "choose one of --password-stdin, --password-file, --token-stdin and --oauth-…"
        )
    if any(ways) and not user:
        raise BadInputError("whose credentials are they? add --user ADDRESS")
    login = _login(user, client, password_stdin, password_file, token_stdin)
    target = _target(where, channel, mail, user)
    report = run(target, login, ProbeSettings(timeout_seconds=timeout))
    spoken = language(lang)
    if as_json:
        print_json(record_of(report, spoken))
    else:
        print_lines(lines_of(report, spoken))
    raise typer.Exit(int(report.verdict))


def _target(where: str, channel: TlsOptions, mail: TransactionOptions, user: str) -> ProbeTarget:
    found = _WHERE.fullmatch(where.strip())
    port = int(found["port"] or PORT_SUBMISSION) if found else 0
    if found is None or not 0 < port < 65_536:
        raise BadInputError(f'"{where}" is no host; write HOST or HOST:PORT')
    if mail.send and not mail.recipient:
        raise BadInputError("--send needs to know to whom: add --to ADDRESS")
    if channel.ca_file is not None:
        _check_authority(channel.ca_file)
    implicit = channel.tls is ProbeTls.IMPLICIT or (channel.tls is None and port == PORT_IMPLICIT)
    sender = mail.sender or user
    return ProbeTarget(
        host=found["ipv6"] or found["host"],
        port=port,
        tls=ProbeTls.IMPLICIT if implicit else ProbeTls.STARTTLS,
        ca_file=channel.ca_file,
        insecure=channel.insecure,
        transaction=ProbeTransaction(
            _address(sender) if mail.recipient or "@" in sender else "",
            _address(mail.recipient),
            mail.send,
        ),
    )


def _address(text: str) -> str:
    """What goes into a command must be an address and nothing else."""
    if text and parse_address(text) is None:
        raise BadInputError(f'"{text}" is not an address (in ASCII)')
    return text


def _check_authority(file: Path) -> None:
    try:
        context_of(file, verify=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInputError(f"--ca {file} cannot be used ({reason}); give a PEM file") from error


def _login(
    user: str, oauth: OAuthClient | None, from_stdin: bool, file: Path | None, token_stdin: bool
) -> ServerLogin:
    if token_stdin:
        return ServerLogin(user, token="".join(sys.stdin.read().split()))
    if oauth is not None:
        return ServerLogin(user, oauth=oauth)
    if from_stdin or file is not None:
        return ServerLogin(user, read_password(from_stdin=from_stdin, file=file, generate=False))
    if user and sys.stdin.isatty():
        return ServerLogin(
            user, str(typer.prompt("Password", hide_input=True, default="", err=True))
        )
    return ServerLogin(user)


def _oauth(options: OAuthOptions) -> OAuthClient | None:
    url, client_id = options.oauth_token_url, options.oauth_client_id
    secret_file = options.oauth_secret_file
    if not (url or client_id or secret_file):
        return None
    if not (url and client_id and secret_file):
        raise BadInputError(
            "--oauth-token-url, --oauth-client-id and --oauth-secret-file belong together"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise BadInputError("--oauth-token-url must be https: a secret is sent there")
    secret = read_password(from_stdin=False, file=secret_file, generate=False)
    return OAuthClient(url, client_id, secret, options.oauth_scope)
