"""kairan domain: the accepted domains, which is what "inside the organisation" means."""

from typing import Annotated

import typer

from kairan.cli.directory import open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, say

app = group_of_commands("Accepted domains: what is inside the organisation.")

DomainArgument = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]


@app.command(
    "add",
    epilog=examples("kairan domain add example.com", "kairan domain add example.com --relay"),
)
def add(
    domain: DomainArgument,
    relay: Annotated[
        bool,
        typer.Option(
            "--relay", help="Its mailboxes are at another server's and need not be known here."
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept mail for a domain."""
    with open_directory(config) as directory:
        directory.add_accepted_domain(domain, is_relayed=relay)
    list_(config, as_json)


@app.command("list", epilog=examples("kairan domain list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the accepted domains."""
    with open_directory(config) as directory:
        domains = list(directory.accepted_domains())
    if as_json:
        print_json(domains)
    else:
        say("\n".join(domains) or "no accepted domain; `kairan domain add DOMAIN` adds one")


@app.command("remove", epilog=examples("kairan domain remove old.example.com"))
def remove(
    domain: DomainArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Accept no more mail for a domain.

    It must have no addresses left.
    """
    with open_directory(config) as directory:
        directory.remove_accepted_domain(domain)
    list_(config, as_json)
