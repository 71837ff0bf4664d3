"""kairan policy: the controls that stand before a password."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from kairan.cli import policy_explain
from kairan.cli.directory import open_directory
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_record, print_table, say
from kairan.directory.store import Directory

app = group_of_commands("Controls that stand before a password, as in Exchange.")


class Switch(StrEnum):
    SECURITY_DEFAULTS = "security-defaults"
    CLIENT = "smtp-client-authentication-disabled"


class OnOff(StrEnum):
    ON = "on"
    OFF = "off"


class Setting(StrEnum):
    ON = "on"
    OFF = "off"
    INHERIT = "inherit"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The policy's name.")]
NameOrNone = Annotated[
    str, typer.Argument(metavar="NAME", help='The policy\'s name; "none" for none.')
]
AllowOption = Annotated[
    OnOff, typer.Option("--allow-basic-auth-smtp", help="Whether it lets passwords log in.")
]


@app.command(
    "set",
    epilog=examples(
        "kairan policy set security-defaults on",
        "kairan policy set smtp-client-authentication-disabled on",
        "kairan policy set smtp-client-authentication-disabled off --account printer@example.com",
    ),
)
def set_(
    switch: Annotated[Switch, typer.Argument(help="Which switch.")],
    value: Annotated[Setting, typer.Argument(help="inherit: with --account only.")],
    account: Annotated[
        str,
        typer.Option(
            "--account", metavar="ADDRESS", help="For this account only; beats the other."
        ),
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a switch of the organisation.

    security-defaults on: no password logs in anywhere. smtp-client-authentication-disabled on: nobody logs in at listeners of the role client; listeners of the role hve do not look at it. Workers follow within five seconds.
    """
    if account and switch is Switch.SECURITY_DEFAULTS:
        raise BadInputError(
            "security defaults are the whole organisation's; exempt an account by turning them off"
            " and assigning policies"
        )
    if value is Setting.INHERIT and not account:
        raise BadInputError('"inherit" is for one account; add --account ADDRESS')
    with open_directory(config) as directory:
        if account:
            is_on = None if value is Setting.INHERIT else value is Setting.ON
            directory.set_account(account, smtp_client_authentication_disabled=is_on)
        elif switch is Switch.SECURITY_DEFAULTS:
            directory.set_organisation(security_defaults=value is Setting.ON)
        else:
            directory.set_organisation(smtp_client_authentication_disabled=value is Setting.ON)
        _print_organisation(directory, as_json=as_json)


@app.command("add", epilog=examples("kairan policy add HVE --allow-basic-auth-smtp on"))
def add(
    name: NameArgument,
    allow: AllowOption = OnOff.OFF,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an authentication policy (New-AuthenticationPolicy).

    It blocks passwords unless it says that it allows them, and binds those it is assigned to.
    """
    with open_directory(config) as directory:
        directory.policies.add(name, allow_basic_auth_smtp=allow is OnOff.ON)
        _print(directory, name, as_json=as_json)


@app.command("change", epilog=examples("kairan policy change HVE --allow-basic-auth-smtp off"))
def change(
    name: NameArgument,
    allow: AllowOption,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an authentication policy (Set-AuthenticationPolicy)."""
    with open_directory(config) as directory:
        directory.policies.change(name, allow_basic_auth_smtp=allow is OnOff.ON)
        _print(directory, name, as_json=as_json)


@app.command(
    "assign",
    epilog=examples(
        "kairan policy assign HVE printer@example.com",
        "kairan policy assign none printer@example.com",
    ),
)
def assign(
    name: NameOrNone,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="One of its addresses.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account its own policy (Set-User -AuthenticationPolicy).

    It beats the default.
    """
    with open_directory(config) as directory:
        primary = directory.policies.assign(name, account)
    if as_json:
        print_json({"account": primary, "policy": name})
    else:
        say(f"{primary} has the policy {name}")


@app.command("default", epilog=examples("kairan policy default BlockBasic"))
def default(name: NameOrNone, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Set the policy of all accounts without one of their own."""
    with open_directory(config) as directory:
        directory.policies.set_default(name)
        _print_organisation(directory, as_json=as_json)


@app.command("list", epilog=examples("kairan policy list", "kairan policy list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the authentication policies."""
    with open_directory(config) as directory:
        records = [_record(directory, name) for name in directory.organisation().policies]
    if as_json:
        print_json_list(records)
        return
    print_table(
        ("name", "allows basic auth", "default", "accounts"),
        (tuple(record.values()) for record in records),
        nothing="no policy, so everything is allowed; `kairan policy add NAME` adds one",
    )


@app.command("show", epilog=examples("kairan policy show HVE --json", "kairan policy show --json"))
def show(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="A policy; without it the switches.")
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a policy, or the organisation's switches."""
    with open_directory(config) as directory:
        if not name:
            _print_organisation(directory, as_json=as_json)
            return
        if name not in directory.organisation().policies:
            raise BadInputError(f"there is no policy {name}; `kairan policy list` shows them")
        _print(directory, name, as_json=as_json)


@app.command("remove", epilog=examples("kairan policy remove HVE"))
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a policy that nobody has."""
    with open_directory(config) as directory:
        directory.policies.remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        say(f"{name} is removed")


app.command("explain", epilog=policy_explain.EPILOG)(policy_explain.explain)


def _record(directory: Directory, name: str) -> dict[str, Any]:
    organisation = directory.organisation()
    return {
        "name": name,
        "allow_basic_auth_smtp": organisation.policies[name],
        "is_default": organisation.default_policy == name,
        "accounts": [one.address for one in directory.accounts() if one.policy == name],
    }


def _print(directory: Directory, name: str, *, as_json: bool) -> None:
    record = _record(directory, name)
    if as_json:
        print_json(record)
    else:
        print_record(f"policy {name}", record)


def _print_organisation(directory: Directory, *, as_json: bool) -> None:
    organisation = directory.organisation()
    own = {
        account.address: "on" if account.smtp_client_authentication_disabled else "off"
        for account in directory.accounts()
        if account.smtp_client_authentication_disabled is not None
    }
    record = {
        "security_defaults": organisation.security_defaults,
        "smtp_client_authentication_disabled": organisation.smtp_client_authentication_disabled,
        "smtp_client_authentication_disabled_by_account": own,
        "default_policy": organisation.default_policy,
    }
    if as_json:
        print_json(record)
    else:
        print_record("controls of the organisation", record)
