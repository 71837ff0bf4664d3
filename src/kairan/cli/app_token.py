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
from kairan.config.model import Configuration
from kairan.directory.model import App
from kairan.issuer.keys import TOKEN_SECONDS_MAX, Key, KeyRing
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.tokens import TokenTimes, WantedToken, make_token
from kairan.issuer.web.places import places_of

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
    if options.delegated and not options.user:
        raise BadInputError("a delegated token is somebody's: add --user ADDRESS")
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        found = existing_app(directory, name)
        address = existing_account(directory, options.user).address if options.user else ""
    wanted = _wanted(options, found, address, configuration.issuer)
    text = make_token(found, wanted, _signing_key(configuration))
    tell(configuration, "app.token", about=found.name, account=wanted.user)
    if as_json:
        print_json({"access_token": text, "expires": wanted.times.expires})
    else:
        say(text)


def _wanted(
    options: TokenOptions, app: App, address: str, settings: IssuerServiceSettings
) -> WantedToken:
    permissions = options.permission
    return WantedToken(
        issuer=places_of(settings).issuer,
        audience=options.audience or settings.audience,
        tenant=options.tenant or settings.tenant,
        permissions=frozenset(permissions) if permissions else app.permissions,
        times=_times(settings.token_seconds, options.lifetime, options.not_before),
        user=address if options.delegated else "",
    )


def _times(usual_seconds: int, lifetime: int | None, not_before: int) -> TokenTimes:
    seconds = usual_seconds if lifetime is None else lifetime
    if seconds > TOKEN_SECONDS_MAX:
        raise BadInputError(f"--lifetime must be at most {TOKEN_SECONDS_MAX}, which is a day")
    now = int(time.time())
    # What has expired was issued before that, as a real one.
    issued = now if seconds > 0 else now + seconds - usual_seconds
    return TokenTimes(issued=issued, begins=issued + not_before, expires=now + seconds)


def _signing_key(configuration: Configuration) -> Key:
    ring, settings = KeyRing(configuration.issuer_directory), configuration.issuer
    # Before the service's first start there is none.
    ring.renew(settings)
    return ring.signing()
