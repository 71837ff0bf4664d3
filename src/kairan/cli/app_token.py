"""kairan app token: a token made to measure, so that any failure can be rehearsed."""

import time
from dataclasses import dataclass
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, existing_account, existing_app
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, with_option_lists
from kairan.cli.output import print_json, say
from kairan.issuer.keys.ring import key_ring
from kairan.issuer.made_to_measure import AskedFor, made_token

EPILOG = examples(
    "kairan app token erp --user payroll@example.com",
    "kairan app token erp --lifetime=-60",
    "kairan app token erp --lifetime=300",
    "kairan app token erp --permission Mail.Read",
)


@dataclass(frozen=True, slots=True)
class TokenOptions:
    user: Annotated[
        str, typer.Option("--user", metavar="ADDRESS", help="The account it is to be used for.")
    ] = ""
    lifetime: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", help="From now; negative: expired so long ago."),
    ] = None
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", metavar="P", help="In place of the app's own; repeats."),
    ] = None
    delegated: Annotated[
        bool,
        typer.Option(
            "--delegated", help="As if the user had signed in, not for the app by itself."
        ),
    ] = False
    audience: Annotated[str, typer.Option(metavar="A", help="In place of issuer.audience.")] = ""
    tenant: Annotated[str, typer.Option(metavar="T", help="In place of issuer.tenant.")] = ""
    not_before: Annotated[int, typer.Option(metavar="SECONDS", help="Valid so long from now.")] = 0


@with_option_lists
def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The app's name, or an id.")],
    options: TokenOptions = TokenOptions(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a token of the service's own issuer.

    Whoever reads the issuer's key may do this: run it where the service runs, as its user. No limit of the app applies, for what should be refused can be tried only with a token that says it.
    """
    configuration = read_configuration(config)
    if options.delegated and not options.user:
        raise BadInputError("a delegated token is somebody's: add --user ADDRESS")
    with directory_of(configuration) as directory:
        found = existing_app(directory, name)
        address = existing_account(directory, options.user).address if options.user else ""
        asked = AskedFor(
            user=address,
            lifetime=options.lifetime,
            permissions=options.permission or (),
            delegated=options.delegated,
            audience=options.audience,
            tenant=options.tenant,
            not_before=options.not_before,
        )
        ring = key_ring(configuration.issuer, configuration.issuer_directory, directory)
        made = made_token(found, asked, configuration.issuer, ring, now=int(time.time()))
    tell(configuration, "app.token", about=found.name, account=made.account)
    if as_json:
        print_json({"access_token": made.text, "expires": made.expires})
    else:
        say(made.text)
