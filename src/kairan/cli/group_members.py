"""kairan group members: who is in a group directly."""

from typing import Annotated

import typer

from kairan.cli.csv_files import DryRunOption, FileArgument, import_progress
from kairan.cli.directory import open_directory, warn_without_postmaster
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_table, say

app = group_of_commands("A group's direct members.")

GroupArgument = Annotated[
    str, typer.Argument(metavar="GROUP", help="The group's address.", show_default=False)
]
MembersArgument = Annotated[
    list[str], typer.Argument(metavar="ADDRESS...", help="Mailboxes or groups.", show_default=False)
]


@app.command("list", epilog=examples("kairan group members list sales@example.com --json"))
def list_(group: GroupArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List a group's direct members.

    Other groups stand there by their address; all recipients: `kairan group preview`.
    """
    with open_directory(config) as directory:
        members = (member for chunk in directory.members(group) for member in chunk)
        if as_json:
            print_json_list(members)
        else:
            rows = ([member] for member in members)
            print_table(("member",), rows, nothing="it has no members")


@app.command("add", epilog=examples("kairan group members add sales@example.com akiko@example.com"))
def add(
    group: GroupArgument,
    members: MembersArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add members.

    Who is one already stays one.
    """
    with open_directory(config) as directory:
        added = directory.add_members(group, members)
    if as_json:
        print_json({"added": added})
    else:
        say(f"{added} added to {group}")


@app.command(
    "remove", epilog=examples("kairan group members remove sales@example.com akiko@example.com")
)
def remove(
    group: GroupArgument,
    members: MembersArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove members, all or none."""
    with open_directory(config) as directory:
        removed = directory.remove_members(group, members)
        warn_without_postmaster(directory)
    if as_json:
        print_json({"removed": removed})
    else:
        say(f"{removed} removed from {group}")


@app.command(
    "import",
    epilog=examples(
        "kairan group members import all-hands@example.com people.csv",
        "kairan group members import all-hands@example.com people.csv --dry-run",
    ),
)
def import_(
    group: GroupArgument,
    file: FileArgument,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the members in a CSV file.

    The whole file or, with a broken row, nothing.  Its column: address; others, such as those of `kairan mailbox import`, are not looked at.
    """
    with open_directory(config) as directory, import_progress(file, as_json=as_json) as done:
        report = directory.import_members(group, file, dry_run=dry_run, on_progress=done)
    if as_json:
        print_json(report)
    else:
        note = " (a dry run: nothing is written)" if dry_run else ""
        say(f"{report.added} added to {group}, {report.unchanged} were in it{note}")
