"""kairan app: applications that get tokens from the service's own issuer."""

import time
import uuid
from typing import Annotated, Any

import typer

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.cli import app_token
from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, existing_app, open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import plain, print_json, print_json_list, print_record, print_table, say
from kairan.cli.times import moment
from kairan.directory.model import App, AppSecret
from kairan.directory.operations.apps import AppFields
from kairan.directory.store import Directory
from kairan.issuer.keys.ring import key_ring
from kairan.issuer.rotation import rotate as rotated

DEFAULT_PERMISSION = "Mail.Send"  # what an HVE account's app needs in Exchange Online
DAY_SECONDS = 86_400

app = group_of_commands("Applications that log in with tokens of the service's own issuer.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The app's name, or one of its ids.")
]
AccountsOption = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ADDRESS", help="An account it may send as; repeats."),
]
PermissionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--permission", metavar="P", help=f"What its tokens say; repeats. {DEFAULT_PERMISSION}."
    ),
]


@app.command(
    "add",
    epilog=examples(
        "kairan app add erp --account payroll@example.com --json",
        "kairan app add scans --account printer@example.com --permission SMTP.SendAsApp",
    ),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for people.")],
    account: AccountsOption = None,
    permission: PermissionsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register an app and print its secret, this once.

    Its object id goes on the list of allowed apps of each account named.
    """
    secret = make_secret()
    new = App(
        name=name,
        client_id=str(uuid.uuid4()),
        object_id=str(uuid.uuid4()),
        permissions=frozenset(permission or (DEFAULT_PERMISSION,)),
        secrets=(AppSecret(hash_secret(secret)),),
    )
    with open_directory(config) as directory:
        directory.apps.add(new, accounts=account or ())
        _print(directory, new, as_json=as_json, secret=secret)


@app.command("list", epilog=examples("kairan app list", "kairan app list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the apps."""
    with open_directory(config) as directory:
        records = [_record(directory, one) for one in directory.apps.everyone()]
    if as_json:
        print_json_list(records)
        return
    columns = ("name", "client_id", "permissions", "accounts", "enabled")
    print_table(
        columns,
        ([record[column] for column in columns] for record in records),
        nothing="no app yet; `kairan app add NAME --account ADDRESS` adds one",
    )


@app.command("show", epilog=examples("kairan app show erp --json"))
def show(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show an app.

    Its secret is kept nowhere, so it cannot be shown.
    """
    with open_directory(config) as directory:
        _print(directory, existing_app(directory, name), as_json=as_json)


@app.command(
    "set",
    epilog=examples(
        "kairan app set erp --allow printer@example.com",
        "kairan app set erp --permission Mail.Send --permission SMTP.SendAsApp",
        "kairan app set erp --disabled",
    ),
)
def set_(
    name: NameArgument,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A further account it may send as; repeats."),
    ] = None,
    forbid: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="One account less; repeats."),
    ] = None,
    permission: PermissionsOption = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Whether it gets tokens.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an app.

    What is not named stays. Disabled, it gets no new token, and those it has live on; `--forbid` ends their use within five seconds.
    """
    fields: AppFields = {}
    if permission is not None:
        fields["permissions"] = permission
    if enabled is not None:
        fields["enabled"] = enabled
    with open_directory(config) as directory:
        directory.apps.forbid(name, forbid or ())
        directory.apps.allow(name, allow or ())
        changed = directory.apps.change(name, **fields)
        _print(directory, changed, as_json=as_json)


@app.command("remove", epilog=examples("kairan app remove erp"))
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove an app.

    It leaves the accounts' lists, too: its tokens are refused within five seconds.
    """
    with open_directory(config) as directory:
        gone = directory.apps.remove(name)
    if as_json:
        print_json({"removed": gone.name})
    else:
        say(f"{gone.name} is removed")


@app.command(
    "secret",
    epilog=examples("kairan app secret erp --json", "kairan app secret erp --keep-days 0"),
)
def secret_(
    name: NameArgument,
    keep_days: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="How long the old one stays valid; 0: it ends now."),
    ] = 7,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an app a new secret and print it, this once.

    The old one stays valid meanwhile, so that it can be replaced where the app runs.
    """
    secret, now = make_secret(), int(time.time())
    old_until = now + keep_days * DAY_SECONDS if keep_days else None
    with open_directory(config) as directory:
        changed = directory.apps.replace_secret(
            name, hash_secret(secret), old_until=old_until, now=now
        )
        _print(directory, changed, as_json=as_json, secret=secret)


@app.command(
    "rotate", epilog=examples("kairan app rotate", "kairan app rotate --compromised --json")
)
def rotate(
    compromised: Annotated[
        bool,
        typer.Option(
            "--compromised",
            help="Sign with it at once and withdraw all others: every token of theirs ends.",
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the issuer's next signing key.

    It is published now and signs after `issuer.key_lead_seconds`; the old one stays published until its last token is dead. With --compromised no worker takes a token of an older key after five seconds, and sessions opened with one end.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        made = rotated(
            key_ring(configuration.issuer, configuration.issuer_directory, directory),
            configuration.issuer,
            directory.withdrawn_keys,
            is_compromised=compromised,
            now=int(time.time()),
        )
    answer = plain(made)
    tell(configuration, "app.rotate", **answer)
    if as_json:
        print_json(answer)
    else:
        print_record("the next key", {**answer, "signs_from": moment(made.signs_from)})


@app.command("approve", epilog=examples("kairan app approve BCDF-GHJK --user printer@example.com"))
def approve(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code that the device shows.")],
    user: Annotated[
        str, typer.Option("--user", metavar="ADDRESS", help="The account that it may send as.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a device's login (device code).

    Only what you, or somebody you have just spoken to, has started: the code alone says nothing about who asks.
    """
    with open_directory(config) as directory:
        login = directory.device_logins.approve(code.strip().upper(), user, now=int(time.time()))
        asking = existing_app(directory, login.client_id)
    if as_json:
        print_json({"approved": login.account, "app": asking.name})
    else:
        say(f"{asking.name} may send as {login.account}")


app.command("token", epilog=app_token.EPILOG)(app_token.token)


def _record(directory: Directory, one: App) -> dict[str, Any]:
    return {
        "name": one.name,
        "client_id": one.client_id,
        "object_id": one.object_id,
        "permissions": sorted(one.permissions),
        "accounts": list(directory.apps.accounts_of(one)),
        "enabled": one.enabled,
        "old_secret_until": next((s.expires for s in one.secrets if s.expires), None),
    }


def _print(directory: Directory, one: App, *, as_json: bool, secret: str = "") -> None:
    """`secret` only where it was made: nobody else knows it."""
    record = _record(directory, one)
    if secret:
        record = {
            "client_id": one.client_id,
            "client_secret": secret,
            "object_id": one.object_id,
            **record,
        }
    if as_json:
        print_json(record)
    else:
        until = moment(record["old_secret_until"] or 0)
        print_record(f"app {one.name}", {**record, "old_secret_until": until})
