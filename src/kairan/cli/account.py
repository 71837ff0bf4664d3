"""kairan account: who may log in and send."""

import time
from dataclasses import dataclass
from io import StringIO
from typing import Annotated

import typer

from kairan.auth.passwords.bulk import BulkPasswords
from kairan.auth.passwords.generated import generate_password
from kairan.cli.aliases import (
    AddAliasOption,
    RemoveAliasOption,
    changed_aliases,
    changed_apps,
)
from kairan.cli.configuration import read_configuration
from kairan.cli.csv_files import (
    DryRunOption,
    FileArgument,
    UpdateOption,
    import_progress,
    say_report,
)
from kairan.cli.directory import directory_of, existing_account, open_directory
from kairan.cli.options import (
    ConfigOption,
    DisplayNameOption,
    JsonOption,
    examples,
    group_of_commands,
    with_option_lists,
)
from kairan.cli.output import plain, print_json, print_json_list, print_record, print_table, say
from kairan.cli.password import (
    FileOption,
    GenerateOption,
    StdinOption,
    read_password,
)
from kairan.cli.password_hash import hashed
from kairan.cli.times import moment
from kairan.directory.bulk.account_import import export
from kairan.directory.model import Account
from kairan.directory.operations.accounts import AccountFields

app = group_of_commands("Accounts: who may log in and send.")

AddressArgument = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The account's address.", show_default=False)
]
ReplyToOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Where answers and reports go instead; '' for nowhere."),
]
LimitOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Its own limit; 0: the organisation's.", min=0),
]
NetworksOption = Annotated[
    str | None,
    typer.Option(
        metavar="NETWORKS",
        help="From where it may log in: 10.1.0.0/16,2001:db8::/32; '' for anywhere.",
    ),
]
AllowAppOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID",
        help="An application that may log in as it: its object ID (for people's tokens its client ID); repeats.",
    ),
]
RemoveAppOption = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="One application less; repeats.")
]
EnabledOption = Annotated[
    bool | None, typer.Option("--enabled/--disabled", help="Whether it may log in.")
]


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """What `add` and `set` say alike of an account."""

    display_name: DisplayNameOption = None
    reply_to: ReplyToOption = None
    messages_per_minute: LimitOption = None
    recipients_per_minute: LimitOption = None
    connections_max: LimitOption = None
    networks: NetworksOption = None
    enabled: EnabledOption = None

    def fields(self) -> AccountFields:
        """Those that were named."""
        fields: AccountFields = {}
        if self.display_name is not None:
            fields["display_name"] = self.display_name
        if self.reply_to is not None:
            fields["reply_to"] = self.reply_to
        if self.messages_per_minute is not None:
            fields["messages_per_minute"] = self.messages_per_minute or None
        if self.recipients_per_minute is not None:
            fields["recipients_per_minute"] = self.recipients_per_minute or None
        if self.networks is not None:
            fields["networks"] = [one for one in self.networks.split(",") if one.strip()]
        if self.connections_max is not None:
            fields["connections_max"] = self.connections_max or None
        if self.enabled is not None:
            fields["enabled"] = self.enabled
        return fields


@app.command(
    "add",
    epilog=examples(
        "kairan account add printer@example.com --generate",
        "kairan account add payroll@example.com --alias salary@example.com "
        "--password-stdin < password.txt",
    ),
)
@with_option_lists
def add(
    address: AddressArgument,
    alias: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A further address it may send as; repeats."),
    ] = None,
    settings: AccountOptions = AccountOptions(),
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account.

    Without a password option the password is asked for on the terminal.
    """
    configuration = read_configuration(config)
    password = read_password(from_stdin=password_stdin, file=password_file, generate=generate)
    fields = settings.fields()
    fields["password_hash"] = hashed(password, address, configuration.auth)
    fields["aliases"] = alias or ()
    with directory_of(configuration) as directory:
        directory.add_account(address, **fields)
        account = existing_account(directory, address)
    _print(account, as_json=as_json, password=password if generate else "")


@app.command(
    "set",
    epilog=examples(
        "kairan account set printer@example.com --add-alias scanner@example.com",
        "kairan account set payroll@example.com --reply-to hr@example.com --disabled",
        "kairan account set erp@example.com --networks 10.1.2.0/24,10.1.3.7",
        "kairan account set payroll@example.com --allow-app 5f3c2a11-0000-4000-8000-000000000001",
    ),
)
@with_option_lists
def set_(
    address: AddressArgument,
    add_alias: AddAliasOption = None,
    remove_alias: RemoveAliasOption = None,
    allow_app: AllowAppOption = None,
    remove_app: RemoveAppOption = None,
    settings: AccountOptions = AccountOptions(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an account.

    What is not named stays.  Its password: `kairan account password`.
    """
    fields = settings.fields()
    with open_directory(config) as directory:
        if add_alias or remove_alias:
            before = existing_account(directory, address).aliases
            fields["aliases"] = changed_aliases(before, add_alias, remove_alias)
        if allow_app or remove_app:
            allowed = existing_account(directory, address).allowed_apps
            fields["allowed_apps"] = changed_apps(allowed, allow_app, remove_app)
        directory.set_account(address, **fields)
        account = existing_account(directory, address)
    _print(account, as_json=as_json)


@app.command(
    "password",
    epilog=examples(
        "kairan account password printer@example.com --generate",
        "kairan account password printer@example.com --password-file /run/secrets/printer",
    ),
)
def password_(
    address: AddressArgument,
    password_stdin: StdinOption = False,
    password_file: FileOption = None,
    generate: GenerateOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account another password.

    The old one ends within five seconds.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        existing_account(directory, address)
        password = read_password(from_stdin=password_stdin, file=password_file, generate=generate)
        password_hash = hashed(password, address, configuration.auth)
        directory.set_account(address, password_hash=password_hash)
        account = existing_account(directory, address)
    _print(account, as_json=as_json, password=password if generate else "")


@app.command("list", epilog=examples("kairan account list", "kairan account list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the accounts."""
    with open_directory(config) as directory:
        accounts = directory.accounts()
    if as_json:
        print_json_list(accounts)
        return
    print_table(
        ("address", "name", "aliases", "enabled"),
        ((one.address, one.display_name, one.aliases, one.enabled) for one in accounts),
        nothing="no account yet; `kairan account add ADDRESS` adds one",
    )


@app.command("show", epilog=examples("kairan account show printer@example.com --json"))
def show(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show an account.

    Any of its addresses finds it.
    """
    with open_directory(config) as directory:
        account = existing_account(directory, address)
    _print(account, as_json=as_json)


@app.command(
    "import",
    epilog=examples(
        "kairan account import printers.csv --generate > passwords.csv",
        "kairan account import printers.csv --update --dry-run",
    ),
)
def import_(
    file: FileArgument,
    update: UpdateOption = False,
    generate: Annotated[
        bool,
        typer.Option(
            "--generate", help="Make a password where a new account has none; printed as CSV, once."
        ),
    ] = False,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import accounts from CSV.

    The whole file or, with a broken row, nothing.  Columns in any order: address, password, displayName, aliases, reply_to, policy, allowed_apps, networks (lists separated by ;), enabled (yes or no), messages_per_minute, recipients_per_minute, connections_max.  With --update an empty password stays what it is.
    """
    configuration = read_configuration(config)
    passwords = BulkPasswords(configuration.auth, generate_password if generate else None)
    with (
        directory_of(configuration) as directory,
        import_progress(file, as_json=as_json) as done,
    ):
        result = directory.import_accounts(
            file, passwords=passwords, update=update, dry_run=dry_run, on_progress=done
        )
    made = {} if dry_run else result.made
    if as_json:
        print_json({**plain(result.report), "passwords": made})
        return
    if made:
        say("address,password")
        for address, password in made.items():
            say(f"{address},{password}")
    say_report(result.report, "account", dry_run=dry_run, to_operator=bool(made))


@app.command("export", epilog=examples("kairan account export > accounts.csv"))
def export_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the accounts as CSV.

    As `kairan account import --update` reads them; passwords are not among it.
    """
    with open_directory(config) as directory:
        accounts = directory.accounts()
    if as_json:
        print_json_list(accounts)
        return
    text = StringIO(newline="")
    export(accounts, text)
    say(text.getvalue().rstrip("\r\n"))


@app.command("release", epilog=examples("kairan account release printer@example.com"))
def release(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Release an account that is held.

    It was held because it sent far more than usual (admission.volume_jump_factor). Within five seconds it may send again; for a day its volume is not judged, and is part of its history from then on. If it was somebody else who sent, give it another password first.
    """
    with open_directory(config) as directory:
        directory.volumes.release(address, int(time.time()))
        account = existing_account(directory, address)
    _print(account, as_json=as_json)


@app.command("remove", epilog=examples("kairan account remove printer@example.com"))
def remove(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Remove an account.

    What it has sent is still delivered.
    """
    with open_directory(config) as directory:
        account = existing_account(directory, address)
        directory.remove_account(account.address)
    if as_json:
        print_json({"removed": account.address})
    else:
        say(f"{account.address} is removed")


def _print(account: Account, *, as_json: bool, password: str = "") -> None:
    """`password` only where it was generated: nobody else knows it."""
    record = plain(account) | ({"password": password} if password else {})
    if as_json:
        print_json(record)
    else:
        record["held_since"] = _held(account)
        record["released_until"] = moment(account.released_until)
        print_record(f"account {account.address}", record)


def _held(account: Account) -> str:
    if not account.held_since:
        return ""
    return f"{moment(account.held_since)}; kairan account release {account.address} ends it"
