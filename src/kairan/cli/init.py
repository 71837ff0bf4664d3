"""kairan init: a folder with everything the service needs to start."""

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.options import JsonOption, examples, one_command, with_option_lists
from kairan.cli.output import print_json, say
from kairan.config.installation import Installation, install
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


@app.command(
    "init",
    epilog=examples(
        "kairan init",
        "kairan init /etc/kairan --hostname mail.example.com --domain example.com",
        "kairan init --directory postgresql://kairan@db.example.com/kairan",
    ),
)
@with_option_lists
def init(
    place: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder.", show_default=False)
    ] = Path(),
    options: InitOptions = InitOptions(),
    as_json: JsonOption = False,
) -> None:
    """Make a new installation.

    The folder gets kairan.toml, certificates and a directory with the postmaster in it.  Nothing that exists is overwritten, and nothing half-made stays behind.
    """
    own_name = options.hostname or socket.gethostname()
    own_domain = options.domain or own_name.partition(".")[2] or FALLBACK_DOMAIN
    plan = Installation(
        place=place,
        hostname=own_name,
        domain=own_domain,
        port=options.port,
        issuer_port=options.issuer_port or None,
        directory_url=options.directory or None,
    )
    postmaster = f"postmaster@{own_domain}"
    settings = install(plan, now=datetime.now(UTC), fill=partial(_add_postmaster, postmaster))
    if as_json:
        said = {"config": settings, "hostname": own_name, "domain": own_domain}
        print_json({**said, "port": options.port})
        return
    say(f"{settings} is ready: {own_name}, accepted domain {own_domain}, port {options.port}.")
    say(f"Clients trust it by {place / 'tls' / 'ca.pem'}.")
    say(f"Reports that have nowhere else to go are for {postmaster}.")
    say("Next:")
    say(f"  kairan account add printer@{own_domain} --generate -c {settings}")
    say(f"  kairan mailbox import people.csv -c {settings}")
    say(f"  kairan serve -c {settings}")


def _add_postmaster(address: str, directory: Directory) -> None:
    """RFC 5321 section 4.5.1: somebody must be there, from the first message on."""
    directory.add_mailbox(address, display_name="Postmaster")
    directory.set_organisation(postmaster=address)
