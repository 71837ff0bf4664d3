"""kairan mailbox: the people, and things such as meeting places, that receive."""

from collections.abc import Iterable
from typing import Annotated

import typer

from kairan.cli.aliases import AddAliasOption, RemoveAliasOption, changed_aliases
from kairan.cli.csv_files import (
    DryRunOption,
    FileArgument,
    UpdateOption,
    import_progress,
    say_report,
)
from kairan.cli.directory import open_directory, warn_without_postmaster
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, HiddenOption, JsonOption, examples, group_of_commands
from kairan.cli.output import plain, print_json, print_json_list, print_record, print_table, say
from kairan.cli.times import moment
from kairan.directory.bulk.csv_import import Leavers
from kairan.directory.model import Mailbox
from kairan.directory.operations.mailboxes import MailboxFields
from kairan.directory.store import Directory

app = group_of_commands("Mailboxes: who receives.")

AddressArgument = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The mailbox's address.", show_default=False)
]
DisplayNameOption = Annotated[str | None, typer.Option(metavar="NAME", help="The person's name.")]
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--recipient-type",
        metavar="TYPE",
        help="As in Exchange: UserMailbox, RoomMailbox, SharedMailbox, MailContact …",
    ),
]
EnabledOption = Annotated[
    bool | None,
    typer.Option(
        "--enabled/--disabled", help="Who has left is disabled: no member of dynamic groups."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="An attribute; NAME= alone removes it; repeats."
    ),
]


@app.command(
    "add",
    epilog=examples(
        "kairan mailbox add akiko@example.com --display-name 'Akiko Mori' --set department=Sales",
    ),
)
def add(
    address: AddressArgument,
    alias: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="A further address; repeats.")
    ] = None,
    display_name: DisplayNameOption = None,
    hidden: HiddenOption = None,
    recipient_type: TypeOption = None,
    enabled: EnabledOption = None,
    attributes: SetOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a mailbox."""
    fields = _fields(display_name, hidden, recipient_type, enabled, attributes)
    fields["aliases"] = alias or ()
    with open_directory(config) as directory:
        directory.add_mailbox(address, **fields)
        mailbox = _existing(directory, address)
    _print(mailbox, as_json=as_json)


@app.command(
    "set",
    epilog=examples(
        "kairan mailbox set akiko@example.com --set department=Finance --set office=",
        "kairan mailbox set akiko@example.com --add-alias a.mori@example.com",
    ),
)
def set_(
    address: AddressArgument,
    add_alias: AddAliasOption = None,
    remove_alias: RemoveAliasOption = None,
    display_name: DisplayNameOption = None,
    hidden: HiddenOption = None,
    recipient_type: TypeOption = None,
    enabled: EnabledOption = None,
    attributes: SetOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a mailbox.

    What is not named stays.
    """
    with open_directory(config) as directory:
        fields = _fields(display_name, hidden, recipient_type, enabled, attributes)
        if add_alias or remove_alias:
            before = _existing(directory, address).aliases
            fields["aliases"] = changed_aliases(before, add_alias, remove_alias)
        directory.set_mailbox(address, **fields)
        mailbox = _existing(directory, address)
    _print(mailbox, as_json=as_json)


@app.command(
    "list",
    epilog=examples(
        "kairan mailbox list --search mori",
        "kairan mailbox list --where department=Sales --json",
    ),
)
def list_(
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Part of the address or the name.")
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only with this attribute; repeats."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List mailboxes."""
    with open_directory(config) as directory:
        found = directory.mailboxes(search=search, attributes=_pairs(where or ()))
        if as_json:
            print_json_list(found)
            return
        print_table(
            ("address", "name", "aliases", "attributes"),
            ((one.address, one.display_name, one.aliases, one.attributes) for one in found),
            nothing="no such mailbox; `kairan mailbox add` or `import` adds some",
        )


@app.command("show", epilog=examples("kairan mailbox show akiko@example.com --json"))
def show(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a mailbox.

    Any of its addresses finds it.
    """
    with open_directory(config) as directory:
        mailbox = _existing(directory, address)
    _print(mailbox, as_json=as_json)


@app.command("remove", epilog=examples("kairan mailbox remove akiko@example.com"))
def remove(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Remove a mailbox.

    It leaves all groups.
    """
    with open_directory(config) as directory:
        mailbox = _existing(directory, address)
        directory.remove_mailbox(mailbox.address)
        warn_without_postmaster(directory)
    if as_json:
        print_json({"removed": mailbox.address})
    else:
        say(f"{mailbox.address} is removed")


@app.command(
    "import",
    epilog=examples(
        "kairan mailbox import people.csv",
        "kairan mailbox import everyone.csv --update --prune --dry-run",
        "kairan mailbox import changes.csv --update --json",
    ),
)
def import_(
    file: FileArgument,
    update: UpdateOption = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the mailboxes that are not in the file.")
    ] = False,
    prune_max: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="So many may go; else a twentieth of all, or ten."),
    ] = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import mailboxes from CSV.

    The whole file or, with a broken row, nothing.  Columns in any order: address, displayName, aliases (separated by ;) and the attributes,
    such as department, company, office, stateOrProvince, customAttribute1 to customAttribute15; also recipientType, countryCode, hidden and enabled (yes or no), source and sourceId.  UTF-8, UTF-16 or code page 932; comma, semicolon or tab.  The organisation's postmaster is never removed.
    """
    if prune and not update:
        raise BadInputError("--prune needs --update: the file then says who is there")
    with open_directory(config) as directory, import_progress(file, as_json=as_json) as done:
        report = directory.import_mailboxes(
            file,
            update=update,
            leavers=Leavers(prune_max) if prune else None,
            dry_run=dry_run,
            on_progress=done,
        )
        if report.removed and not dry_run:
            warn_without_postmaster(directory)
    if as_json:
        print_json(report)
    else:
        say_report(report, "mailbox", dry_run=dry_run)


def _fields(
    display_name: str | None,
    hidden: bool | None,
    recipient_type: str | None,
    enabled: bool | None,
    attributes: list[str] | None,
) -> MailboxFields:
    """Those that were named."""
    fields: MailboxFields = {}
    if display_name is not None:
        fields["display_name"] = display_name
    if hidden is not None:
        fields["hidden"] = hidden
    if recipient_type is not None:
        fields["recipient_type"] = recipient_type
    if enabled is not None:
        fields["enabled"] = enabled
    if attributes:
        fields["attributes"] = _pairs(attributes)
    return fields


def _pairs(words: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadInputError(f'"{word}" is not NAME=VALUE, such as department=Sales')
        pairs[name] = value
    return pairs


def _existing(directory: Directory, address: str) -> Mailbox:
    mailbox = directory.mailbox(address)
    if mailbox is None:
        raise BadInputError(
            f"there is no mailbox {address}; `kairan mailbox list --search …` finds them"
        )
    return mailbox


def _print(mailbox: Mailbox, *, as_json: bool) -> None:
    if as_json:
        print_json(mailbox)
    else:
        shown = {**plain(mailbox), "when_created": moment(mailbox.when_created or 0)}
        print_record(f"mailbox {mailbox.address}", shown)
