"""kairan init: a folder with everything the service needs to start."""

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.errors import BadInputError
from kairan.cli.options import JsonOption, examples, one_command, with_option_lists
from kairan.cli.output import print_json, say
from kairan.config.installation import IDENTITY, Gateway, Installation, install
from kairan.directory.operations.accounts import networks
from kairan.directory.store import Directory

# Where a machine's name says no domain: a name that is nobody's (RFC 2606 section 2).
FALLBACK_DOMAIN = "kairan.test"


app = one_command()


@dataclass(frozen=True, slots=True)
class InitOptions:
    hostname: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The service's name for its clients; default: this machine's."
        ),
    ] = ""
    domain: Annotated[
        str,
        typer.Option(metavar="DOMAIN", help="The first accepted domain; default: the host name's."),
    ] = ""
    port: Annotated[int, typer.Option(metavar="P", help="The port clients send to.")] = 587
    issuer_port: Annotated[
        int,
        typer.Option(metavar="P", help="The token issuer's port on 127.0.0.1; 0: no issuer."),
    ] = 8587
    directory: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The directory's database: postgresql://USER@HOST/NAME, empty; default: SQLite.",
        ),
    ] = ""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    gateway: Annotated[
        bool,
        typer.Option(
            "--gateway",
            help="Before High Volume Email: what follows is asked for where it is not named.",
        ),
    ] = False
    tenant: Annotated[str, typer.Option(metavar="ID", help="Entra's tenant, name or GUID.")] = ""
    client_id: Annotated[str, typer.Option(metavar="ID", help="The application (client) ID.")] = ""
    user: Annotated[str, typer.Option(metavar="ADDRESS", help="The HVE account.")] = ""
    secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the client secret alone.")
    ] = None
    certificate_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or the application's certificate, PEM …")
    ] = None
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="… and its key, if that is elsewhere.")
    ] = None
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NETWORK", help="Devices there send without a login; repeats. 192.0.2.0/24"
        ),
    ] = None
    device_port: Annotated[int, typer.Option(metavar="P", help="The port devices send to.")] = 2525


@app.command(
    "init",
    epilog=examples(
        "kairan init",
        "kairan init /etc/kairan --hostname mail.example.com --domain example.com",
        "kairan init --directory postgresql://kairan@db.example.com/kairan",
        "kairan init --gateway --tenant contoso.onmicrosoft.com --client-id ID"
        " --user hve@contoso.com --secret-file hve.secret --network 10.1.0.0/16",
    ),
)
@with_option_lists
def init(
    place: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder.", show_default=False)
    ] = Path(),
    options: InitOptions = InitOptions(),
    gateway: GatewayOptions = GatewayOptions(),
    as_json: JsonOption = False,
) -> None:
    """Make a new installation.

    The folder gets kairan.toml, certificates and a directory with the postmaster in it.  Nothing that exists is overwritten, and nothing half-made stays behind.
    """
    plan = _plan(place, options, _asked(gateway) if gateway.gateway else None)
    postmaster = f"postmaster@{plan.domain}"
    fill = (
        partial(_fill_gateway, postmaster, plan.gateway.device_account)
        if plan.gateway is not None
        else partial(_add_postmaster, postmaster)
    )
    settings = install(plan, now=datetime.now(UTC), fill=fill)
    if as_json:
        said = {"config": settings, "hostname": plan.hostname, "domain": plan.domain}
        print_json({**said, "port": plan.port})
        return
    say(f"{settings} is ready: {plan.hostname}, accepted domain {plan.domain}, port {plan.port}.")
    say(f"Clients trust it by {place / 'tls' / 'ca.pem'}.")
    say(f"Reports that have nowhere else to go are for {postmaster}.")
    say("Next:")
    for command in _next_commands(plan):
        say(f"  kairan {command} -c {settings}")


def _plan(place: Path, options: InitOptions, gateway: Gateway | None) -> Installation:
    own_name = options.hostname or socket.gethostname()
    of_account = gateway.user.rpartition("@")[2] if gateway is not None else ""
    own_domain = options.domain or of_account or own_name.partition(".")[2] or FALLBACK_DOMAIN
    if gateway is not None:
        gateway = replace(gateway, device_account=f"printer@{own_domain}")
    return Installation(
        place=place,
        hostname=own_name,
        domain=own_domain,
        port=options.port,
        issuer_port=options.issuer_port if gateway is None and options.issuer_port else None,
        directory_url=options.directory or None,
        gateway=gateway,
    )


def _next_commands(plan: Installation) -> Sequence[str]:
    if plan.gateway is not None:
        account = plan.gateway.device_account
        return (
            f"token test {IDENTITY}",
            f"device add mfp-1 --account {account} --network 192.0.2.7",
            "serve",
        )
    return (
        f"account add printer@{plan.domain} --generate",
        "mailbox import people.csv",
        "serve",
    )


def _asked(options: GatewayOptions) -> Gateway:
    """What was not named is asked for, where somebody sits at a terminal."""
    secret, certificate = options.secret_file, options.certificate_file
    if not sys.stdin.isatty():
        _assert_all_named(options)
    if secret is None and certificate is None:
        secret = Path(_answer("", "File with the client secret"))
    return Gateway(
        user=_answer(options.user, "HVE account"),
        tenant=_answer(options.tenant, "Entra tenant"),
        client_id=_answer(options.client_id, "Application (client) ID"),
        secret_file=_existing(secret),
        certificate_file=_existing(certificate),
        key_file=_existing(options.key_file),
        networks=tuple(networks(options.network or ())),
        device_port=options.device_port,
    )


def _assert_all_named(options: GatewayOptions) -> None:
    named = {
        "--user": options.user,
        "--tenant": options.tenant,
        "--client-id": options.client_id,
        "--secret-file or --certificate-file": options.secret_file or options.certificate_file,
    }
    missing = [option for option, said in named.items() if not said]
    if missing:
        raise BadInputError(f"a gateway needs {', '.join(missing)} too")


def _answer(said: str, question: str) -> str:
    return said or str(typer.prompt(question, err=True))


def _existing(file: Path | None) -> Path | None:
    """Paths in kairan.toml are relative to it, and these to where the command is given."""
    if file is not None and not file.is_file():
        raise BadInputError(f"there is no file {file}")
    return None if file is None else file.absolute()


def _fill_gateway(postmaster: str, printer: str, directory: Directory) -> None:
    """Mailboxes are the upstream's; devices send as an account that nobody logs in as."""
    directory.set_organisation(postmaster=postmaster)
    directory.add_account(printer, display_name="Devices")


def _add_postmaster(address: str, directory: Directory) -> None:
    """RFC 5321 section 4.5.1: somebody must be there, from the first message on."""
    directory.add_mailbox(address, display_name="Postmaster")
    directory.set_organisation(postmaster=address)
