"""kairan console: who may sign in to the pages for administrators."""

import time
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_table, say
from kairan.cli.password import FileOption, GenerateOption, StdinOption, read_password
from kairan.cli.password_hash import hashed
from kairan.cli.times import moment
from kairan.console.roles import ConsoleRole
from kairan.directory.operations.console_users import ConsoleUser

app = group_of_commands("The console: pages for administrators.")
user = group_of_commands("Who may sign in to the console.")
app.add_typer(user, name="user")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]


@user.command(
    "add",
    epilog=examples(
        "kairan console user add akiko --role admin --generate",
        "kairan console user add desk --role helpdesk --password-stdin < password.txt",
    ),
)
def add(
    name: NameArgument,
    role: Annotated[
        ConsoleRole,
        typer.Option(
            help="helpdesk: trace and doctor. viewer: all, and changes nothing. operator: the queue, too. admin: everything."
        ),
    ] = ConsoleRole.VIEWER,
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user."""
    configuration = read_configuration(config)
    password = read_password(from_stdin=password_stdin, file=password_file, generate=generate)
    new = ConsoleUser(
        name, role, hashed(password, name, configuration.auth), created=int(time.time())
    )
    with directory_of(configuration) as directory:
        directory.console_users.add(new)
    tell(configuration, "console.user-add", name=name, role=role)
    _say_done(_record(new), f"{name} may sign in as {role}", password, generate, as_json)


@user.command(
    "list", epilog=examples("kairan console user list", "kairan console user list --json")
)
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the users."""
    with open_directory(config) as directory:
        found = directory.console_users.everyone()
    if as_json:
        print_json_list(_record(one) for one in found)
        return
    rows = [(one.name, one.role, moment(one.created)) for one in found]
    print_table(("name", "role", "created"), rows, nothing="no users; `kairan console user add`")


@user.command("remove", epilog=examples("kairan console user remove akiko"))
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a user.

    Sessions under this name end with their next request.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        directory.console_users.remove(name)
    tell(configuration, "console.user-remove", name=name)
    if as_json:
        print_json({"removed": name})
    else:
        say(f"{name} is removed")


@user.command("password", epilog=examples("kairan console user password akiko --generate"))
def password_(
    name: NameArgument,
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a user's password.

    Sessions under this name end with their next request.
    """
    configuration = read_configuration(config)
    password = read_password(from_stdin=password_stdin, file=password_file, generate=generate)
    with directory_of(configuration) as directory:
        directory.console_users.set_password(name, hashed(password, name, configuration.auth))
    tell(configuration, "console.user-password", name=name)
    _say_done({"name": name}, f"the password of {name} is changed", password, generate, as_json)


def _say_done(
    record: dict[str, object], sentence: str, password: str, generate: bool, as_json: bool
) -> None:
    shown = {"password": password} if generate else {}
    if as_json:
        print_json({**record, **shown})
        return
    say(sentence)
    if generate:
        say(f"password: {password}")


def _record(one: ConsoleUser) -> dict[str, object]:
    return {"name": one.name, "role": one.role, "created": one.created}
