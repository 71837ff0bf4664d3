"""kairan scim: the tokens with which another directory pushes, and what it has pushed."""

import time
from typing import Annotated

import typer

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_record, print_table, say
from kairan.cli.times import moment
from kairan.directory.operations.scim_resources import PushedKind
from kairan.directory.operations.scim_tokens import ScimToken

DAY_SECONDS = 86_400
DAYS_MAX = 3_650

app = group_of_commands("People and groups that Entra, or another directory, pushes here.")
token = group_of_commands("Tokens with which a directory may push.")
app.add_typer(token, name="token")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]


@token.command(
    "create",
    epilog=examples("kairan scim token create entra", "kairan scim token create okta --days 90"),
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for people.")],
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=DAYS_MAX, help="How long it is good for.")
    ] = 365,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this once.

    In Entra it is the Secret Token of the provisioning settings. A second one is good beside it, so that it can be changed without a gap.
    """
    secret, now = make_secret(), int(time.time())
    configuration = read_configuration(config)
    new = ScimToken(name, hash_secret(secret), created=now, expires=now + days * DAY_SECONDS)
    with directory_of(configuration) as directory:
        directory.scim_tokens.add(new)
    tell(configuration, "scim-token-create", name=name, expires=new.expires)
    if as_json:
        print_json({**_record(new), "token": secret})
        return
    print_record(name, {"token": secret, "expires": moment(new.expires)})
    if not configuration.scim.enabled:
        say("note: [scim] is not enabled; write `enabled = true` there, and start the service anew")


@token.command("list", epilog=examples("kairan scim token list", "kairan scim token list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the tokens."""
    with open_directory(config) as directory:
        found = directory.scim_tokens.everyone()
    if as_json:
        print_json_list(_record(one) for one in found)
        return
    now = time.time()
    rows = [
        (
            one.name,
            moment(one.created),
            moment(one.expires) if one.expires > now else "expired",
        )
        for one in found
    ]
    print_table(("name", "created", "expires"), rows, nothing="no tokens")


@token.command("revoke", epilog=examples("kairan scim token revoke entra"))
def revoke(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Revoke a token; the next request with it is refused."""
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        directory.scim_tokens.remove(name)
    tell(configuration, "scim-token-revoke", name=name)
    if as_json:
        print_json({"revoked": name})
    else:
        say(f"{name} is revoked")


@app.command("status", epilog=examples("kairan scim status", "kairan scim status --json"))
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what has been pushed, and when the last of it changed."""
    with open_directory(config) as directory, directory.scim.reading() as rows:
        last = rows.last_change()
        facts = {
            "users": rows.count(PushedKind.USER),
            "users_without_address": rows.without_address(PushedKind.USER),
            "groups": rows.count(PushedKind.GROUP),
            "last_change": last // 1_000 if last else None,
        }
    if as_json:
        print_json(facts)
        return
    print_record(
        "pushed by SCIM",
        {
            "users": facts["users"],
            "users without an address": facts["users_without_address"],
            "groups": facts["groups"],
            "last change": moment(last // 1_000) if last else "never",
        },
    )


def _record(one: ScimToken) -> dict[str, object]:
    return {"name": one.name, "created": one.created, "expires": one.expires}
