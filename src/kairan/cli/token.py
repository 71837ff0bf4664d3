"""kairan token: the access tokens of our identities at other services."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli.doctor.options import LangOption, language
from kairan.cli.errors import BadInputError
from kairan.cli.identity import identity_named, read_identities
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_table, say
from kairan.doctor.answer import Language
from kairan.doctor.token.errors import endpoint_error
from kairan.outcomes.causes import outcome_of
from kairan.relay.tokens.identity import identity_of
from kairan.relay.tokens.operations import obtain, stored, wait_tried
from kairan.relay.tokens.settings import IdentitySettings
from kairan.relay.tokens.token import AccessToken, TokenFault
from kairan.runtime.operator_error import OperatorError
from kairan.sender.server import next_hop_of

app = group_of_commands("Access tokens of our identities at other services.")


class TokenError(OperatorError):
    """There is no token, or a server does not take it; the sentence holds the remedy."""


NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The [[identity]]; needed where there are several.")
]


@app.command("get", epilog=examples("kairan token get hve", "kairan token get hve --new --json"))
def get(
    name: NameArgument = "",
    new: Annotated[
        bool, typer.Option("--new", help="Fetch one though the one in hand is good.")
    ] = False,
    lang: LangOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the token, and print it.

    Where the identity needs somebody to sign in, it says where and with which code, and waits.
    """
    configuration = read_identities(config)
    settings = identity_named(configuration, name)
    token = obtain(
        settings,
        configuration.token_directory,
        new=new,
        show=lambda message: say(message, to_operator=True, flush=True),
    )
    if isinstance(token, TokenFault):
        raise TokenError(_explained(token, language(lang)))
    if as_json:
        print_json({"access_token": token.text, "expires": int(token.expires)})
    else:
        say(token.text)


@app.command("show", epilog=examples("kairan token show", "kairan token show --json"))
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the tokens in hand, without their text."""
    configuration = read_identities(config)
    rows = [
        _row(settings, stored(settings, configuration.token_directory))
        for settings in configuration.identities
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("name", "user", "kind", "seconds_left", "renewed_in_seconds")
    print_table(
        columns,
        ([row[column] for column in columns] for row in rows),
        nothing="the configuration has no [[identity]]",
    )


@app.command(
    "test",
    epilog=examples(
        "kairan token test hve --server smtp.hve.mx.microsoft",
        "kairan token test --server localhost:2587 --ca demo/tls/ca.pem",
    ),
)
def try_(
    server: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="Where to log in; port 587 without one.")
    ],
    name: NameArgument = "",
    ca_file: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Trust this authority alone.")
    ] = None,
    lang: LangOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log in at a server with the token, and send nothing.

    As the service does it: TLS and a certificate that verifies, or no login.
    """
    configuration = read_identities(config)
    settings = identity_named(configuration, name)
    identity = identity_of(settings, cache_folder=configuration.token_directory)
    try:
        next_hop = next_hop_of(server, identity=identity, ca_file=ca_file)
    except ValueError as error:
        raise BadInputError(str(error)) from error
    refusal = asyncio.run(wait_tried(next_hop))
    outcome = outcome_of(refusal) if refusal is not None else None
    if as_json:
        print_json(
            {
                "logged_in": refusal is None,
                "reply": str(refusal or ""),
                "key": outcome.key if outcome else "",
            }
        )
    elif refusal is None:
        say(f"{server} takes the token of {settings.user}")
    if refusal is not None:
        tongue = language(lang)
        remedies = [getattr(remedy, tongue) for remedy in outcome.remedies] if outcome else []
        said = f": {refusal.text}" if refusal.is_ours else f" answered: {refusal}"
        raise TokenError(f"{server}{said};{_listed(remedies)}")


def _row(settings: IdentitySettings, token: AccessToken | None) -> dict[str, Any]:
    left = None if token is None else max(0, int(token.expires - time.time()))
    renewed = None if left is None else max(0, left - int(settings.renew_seconds))
    return {
        "name": settings.name,
        "user": settings.user,
        "kind": settings.kind,
        "seconds_left": left,
        "renewed_in_seconds": renewed,
    }


def _explained(fault: TokenFault, tongue: Language) -> str:
    """The issuer's words, and what they mean: its own number says more than our entry."""
    if fault.error:
        meant = endpoint_error(fault.error, fault.detail)
        said = [getattr(meant.meaning, tongue), getattr(meant.remedy, tongue)]
    else:
        said = [getattr(remedy, tongue) for remedy in fault.outcome.remedies]
    return f"{fault.reply};{_listed(said)}"


def _listed(sentences: Sequence[str]) -> str:
    return "".join(f" {sentence}" for sentence in sentences)
