"""kairan api-key: keys with which programs operate the service by HTTP."""

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
from kairan.directory.operations.api_keys import ApiKey, Scope

DAY_SECONDS = 86_400
DAYS_MAX = 3_650

app = group_of_commands("Keys with which programs operate the service by HTTP.")


@app.command(
    "add",
    epilog=examples(
        "kairan api-key add monitoring", "kairan api-key add scripts --scope admin --expires 90"
    ),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for people.")],
    scope: Annotated[
        Scope, typer.Option(help="The widest thing it may do: look, operate the queue, or all.")
    ] = Scope.READ,
    expires: Annotated[
        int,
        typer.Option(metavar="DAYS", min=0, max=DAYS_MAX, help="How long it is good; 0: for ever."),
    ] = 365,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, this once.

    It is the Bearer token of a request: `Authorization: Bearer KEY`. Only its hash is kept.
    """
    secret, now = make_secret(), int(time.time())
    configuration = read_configuration(config)
    end = now + expires * DAY_SECONDS if expires else None
    new = ApiKey(name, hash_secret(secret), scope, created=now, expires=end)
    with directory_of(configuration) as directory:
        directory.api_keys.add(new)
    tell(configuration, "api-key-add", name=name, scope=str(scope), expires=end)
    if as_json:
        print_json({**_record(new), "key": secret})
        return
    print_record(name, {"key": secret, "scope": str(scope), "expires": _end(new, now)})
    if not configuration.api.enabled:
        say("note: [api] is not enabled; write `enabled = true` there, and start the service anew")


@app.command("list", epilog=examples("kairan api-key list", "kairan api-key list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the keys."""
    with open_directory(config) as directory:
        found = directory.api_keys.everyone()
    if as_json:
        print_json_list(_record(one) for one in found)
        return
    now = int(time.time())
    rows = [(one.name, str(one.scope), moment(one.created), _end(one, now)) for one in found]
    print_table(("name", "scope", "created", "expires"), rows, nothing="no keys")


@app.command("remove", epilog=examples("kairan api-key remove monitoring"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a key; the next request with it is refused."""
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        directory.api_keys.remove(name)
    tell(configuration, "api-key-remove", name=name)
    if as_json:
        print_json({"removed": name})
    else:
        say(f"{name} is removed")


def _end(one: ApiKey, now: int) -> str:
    if one.expires is None:
        return "never"
    return moment(one.expires) if one.expires > now else "expired"


def _record(one: ApiKey) -> dict[str, object]:
    return {
        "name": one.name,
        "scope": str(one.scope),
        "created": one.created,
        "expires": one.expires,
    }
