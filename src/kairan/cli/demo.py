"""kairan demo: an organisation to play with, from nothing to the first mail in seconds.

Writes into its folder, besides what `kairan init` makes:

    demo.json   smtp_host, smtp_port, ca_file, domain, maildir,
                accounts: [{address, password, aliases}], groups: [address],
                http_url, api_key: the HTTP API, and a key that may do all of it,
                console: {url, user, password}: pages for administrators,
                oauth: {token_url, jwks_url, issuer, audience, client_id, client_secret, scope}
    maildir/    <address>/new/ holds what was delivered
    data/capture/  the same, as the console's page Test mail shows it

demo.json is written whole, before the line with "ready" is printed.
"""

import json
import os
import shlex
import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from kairan import service
from kairan.auth.passwords.generated import generate_password
from kairan.auth.passwords.hashing import hash_password
from kairan.cli import demo_api, demo_app, demo_gateway, sample
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of
from kairan.cli.errors import BadInputError
from kairan.cli.options import examples, one_command
from kairan.cli.output import say
from kairan.config.environment import check_environment
from kairan.config.installation import Installation, install
from kairan.config.model import Configuration
from kairan.runtime.files import private_file
from kairan.service import Running

HOST = "127.0.0.1"  # a demo is nobody else's business
HOSTNAME = f"mail.{sample.DOMAIN}"
PORTS = (587, 2587)  # submission (RFC 6409), and the same for those who may not bind it
MAILDIR = "maildir"
DESCRIPTION = "demo.json"


app = one_command()


@app.command(
    "demo",
    epilog=examples(
        "kairan demo",
        "kairan demo --dir /tmp/demo --smtp-port 2525",
        "kairan demo --gateway --dir /tmp/chain",
    ),
)
def demo(
    place: Annotated[Path, typer.Option("--dir", metavar="D", help="The demo's folder.")] = Path(
        "demo"
    ),
    smtp_port: Annotated[
        int,
        typer.Option(
            metavar="P", min=0, max=65_535, help="0: 587, else 2587, else any that is free."
        ),
    ] = 0,
    gateway: Annotated[
        bool,
        typer.Option(
            "--gateway",
            help="Two services: a gateway for printers, and High Volume Email behind it.",
        ),
    ] = False,
) -> None:
    """Make a sample organisation and serve it.

    It needs neither root nor network.  The same folder again goes on with what is there.
    """
    if not gateway:
        _serve(place, smtp_port)
    demo_gateway.prepare_upstream(place, lambda folder: _install(folder, _free_port(())))
    with demo_gateway.running_upstream(place) as upstream:
        if not (place / "kairan.toml").exists():
            plan = _plan(place, smtp_port or _free_port(PORTS))
            demo_gateway.install_gateway(plan, upstream, device_port=_free_port(()))
        _serve(place, smtp_port, upstream)


def _serve(place: Path, smtp_port: int, upstream: dict[str, Any] | None = None) -> NoReturn:
    configuration = _configuration(place, smtp_port)
    service.check_data_unused(configuration)
    check_environment(configuration)
    _check_writable(place)
    passwords = _passwords(place, configuration)
    oauth = demo_app.described(place / DESCRIPTION, configuration)
    http = demo_api.described(place / DESCRIPTION, configuration)

    def say_ready(running: Running) -> None:
        description = _description(place, running.listeners[0][1], passwords) | oauth | http
        if upstream is not None:
            description |= {
                "device_port": running.listeners[1][1],
                "maildir": upstream["maildir"],
                "oauth": upstream["oauth"],
                "upstream": str((place / demo_gateway.UPSTREAM / DESCRIPTION).absolute()),
            }
        with private_file(place / DESCRIPTION) as file:  # it holds passwords
            file.write(json.dumps(description, indent=2).encode() + b"\n")
        say(_ready_text(description), flush=True)
        if upstream is not None:
            say(_chain_text(description, upstream), flush=True)

    raise typer.Exit(service.serve(configuration, on_ready=say_ready))


def _configuration(place: Path, wanted_port: int) -> Configuration:
    file = place / "kairan.toml"
    if not file.exists():
        _install(place, wanted_port or _free_port(PORTS))
    configuration = read_configuration(file, as_owner=False)
    first, *others = configuration.listeners
    port = wanted_port or _free_port((first.port, *PORTS))
    return replace(configuration, listeners=(replace(first, port=port), *others))


def _check_writable(place: Path) -> None:
    """demo.json is written last: what would keep it away is said before anything is served."""
    if not os.access(place, os.W_OK | os.X_OK):
        raise BadInputError(f"the folder {place} cannot be written; choose another one with --dir")


def _install(place: Path, port: int) -> None:
    install(_plan(place, port), now=datetime.now(UTC), fill=sample.fill)


def _plan(place: Path, port: int) -> Installation:
    return Installation(
        place=place,
        hostname=HOSTNAME,
        domain=sample.DOMAIN,
        port=port,
        host=HOST,
        maildir=MAILDIR,
        issuer_port=_free_port(()),  # any: several demos run side by side
        api_port=_free_port(()),
        captures=True,
    )


def _free_port(preferred: tuple[int, ...]) -> int:
    """The first of `preferred` that we may have, else any."""
    for port in (*preferred, 0):
        with closing(socket.socket()) as probe:
            # As the service does: a port whose last sessions are fading away counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BadInputError("no port is free on 127.0.0.1; end a program that listens")


def _passwords(place: Path, configuration: Configuration) -> dict[str, str]:
    """By account: those of demo.json, else new ones."""
    try:
        known = json.loads((place / DESCRIPTION).read_text(encoding="utf-8"))["accounts"]
        return {account["address"]: account["password"] for account in known}
    except (OSError, ValueError, KeyError, TypeError):
        return _new_passwords(configuration)


def _new_passwords(configuration: Configuration) -> dict[str, str]:
    passwords = {sample.address(name): generate_password() for name in sample.ACCOUNTS}
    with directory_of(configuration) as directory:
        for address, password in passwords.items():
            directory.set_account(
                address, password_hash=hash_password(password, configuration.auth)
            )
    return passwords


def _description(place: Path, port: int, passwords: dict[str, str]) -> dict[str, Any]:
    folder = place.absolute()
    return {
        "smtp_host": HOST,
        "smtp_port": port,
        "ca_file": str(folder / "tls" / "ca.pem"),
        "domain": sample.DOMAIN,
        "maildir": str(folder / MAILDIR),
        "accounts": [
            {
                "address": sample.address(name),
                "password": passwords[sample.address(name)],
                "aliases": [sample.address(alias) for alias in aliases],
            }
            for name, aliases in sample.ACCOUNTS.items()
        ],
        "groups": list(sample.groups()),
    }


def _chain_text(description: dict[str, Any], upstream: dict[str, Any]) -> str:
    port = description["device_port"]
    return f"""
As a printer, without a login:
  swaks --server 127.0.0.1:{port} --from {sample.address("scanner")} --to {sample.user(1)}
It goes to High Volume Email at {upstream["smtp_host"]}:{upstream["smtp_port"]}, with a token and as {sample.address("printer")}."""


def _http_text(description: dict[str, Any]) -> str:
    console = description["console"]
    return f"""
Console:  {console["url"]}
  user {console["user"]}, password {console["password"]}
  what is delivered, as it comes: {console["url"]}mail
HTTP API: {description["http_url"]}
"""


def _ready_text(description: dict[str, Any]) -> str:
    account = description["accounts"][0]
    address = f"{description['smtp_host']}:{description['smtp_port']}"
    sender, password = account["address"], account["password"]
    group = description["groups"][0]
    first = sample.user(1)
    http = _http_text(description) if "http_url" in description else ""
    return f"""\
ready: {address} accepts mail (STARTTLS, then login)

A first message to {sample.USERS} mailboxes:
  swaks --server {address} --tls --to {group} \\
    --auth-user {sender} --auth-password {password} \\
    --from {sender}
or
  printf '%s\\r\\n' 'From: {sender}' 'To: {group}' \\
    'Subject: Hello' '' 'Hello.' |
  curl -sS --ssl-reqd --url smtp://{address} --upload-file - \\
    --cacert {shlex.quote(description["ca_file"])} \\
    --user {sender}:{password} \\
    --mail-from {sender} --mail-rcpt {group}

It arrives in {description["maildir"]}/{first}/new/
and the others.
{http}Accounts, passwords and groups:
{Path(description["ca_file"]).parents[1] / DESCRIPTION}
Stop with Ctrl-C."""
