"""kairan group preview, refresh and history: who is a member, who comes and goes, and who did."""

import sys
import time
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, open_directory
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_json_list, print_table, say
from kairan.cli.times import moment
from kairan.directory.dynamic.live import parsed
from kairan.directory.dynamic.rules import is_too_much
from kairan.directory.model import DynamicGroup
from kairan.directory.operations.dynamic_groups import LargeChangeError
from kairan.directory.store import Directory
from kairan.runtime.counted import counted
from kairan.trace.commands import by_whom

AddressArgument = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The dynamic group's address.", show_default=False)
]
YesOption = Annotated[
    bool,
    typer.Option("--yes", help="Also where more members change than [dynamic_groups] allows."),
]
# Of those who come and go; --json names all.
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    app.command(
        "refresh",
        epilog=examples(
            "kairan group refresh sales@example.com", "kairan group refresh sales@example.com --yes"
        ),
    )(refresh)
    app.command("history", epilog=examples("kairan group history sales@example.com --json"))(
        history
    )


def refresh(
    address: AddressArgument,
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the members of a dynamic group now.

    Where more of them would change than [dynamic_groups] allows it asks on a terminal, and elsewhere
    refuses without --yes.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        group = _existing(directory, address)

        def make(*, is_agreed: bool) -> Any:
            return directory.dynamic_groups.refresh(
                group.address,
                parsed(group.filter),
                now=int(time.time()),
                by=by_whom(),
                refuses=lambda one: (
                    not is_agreed and is_too_much(one, configuration.dynamic_groups)
                ),
            )

        try:
            change = make(is_agreed=yes)
        except LargeChangeError as error:
            confirmed(error)
            change = make(is_agreed=True)
    if as_json:
        print_json(change)
    else:
        say(
            f"{group.address}: {counted(change.after, 'member')}, {change.added} came,"
            f" {change.removed} went"
        )


def history(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show what the refreshes of a dynamic group changed.

    The newest first.  Those that changed nothing are not in it; one that would have changed too much is,
    as kept.
    """
    with open_directory(config) as directory:
        group = _existing(directory, address)
        refreshes = directory.dynamic_groups.history(group.address)
    if as_json:
        print_json_list(refreshes)
        return
    print_table(
        ("time", "members", "came", "went", "by", "list"),
        (
            (moment(one.at), one.members, one.added, one.removed, one.by, _WHAT[one.is_kept])
            for one in refreshes
        ),
        nothing="nobody has come or gone",
    )


_WHAT = {False: "changed", True: "kept as it was"}


def confirmed(error: LargeChangeError) -> None:
    """Asks on a terminal; elsewhere nobody could answer."""
    if not _is_at_a_terminal():
        raise error
    change = error.change
    question = f"{change.added} of {change.after} members come, {change.removed} of {change.before} go. Go on?"
    typer.confirm(question, abort=True, err=True)


def _is_at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _existing(directory: Directory, address: str) -> DynamicGroup:
    group = directory.dynamic_groups.one(address)
    if group is None:
        raise BadInputError(
            f"there is no dynamic group {address}; `kairan group list` shows which there are"
        )
    return group


# -- preview ---------------------------------------------------------------------------------------


def print_preview(found: dict[str, Any]) -> None:
    members = found["members"]
    print_table(("member",), ([member] for member in members), nothing="it has no members")
    say(counted(len(members), "recipient"))
    if "filter" not in found:
        return
    stored = found["stored"]
    if found["refresh_seconds"]:
        say(
            f"Until the next refresh messages go to the list of {moment(stored['refreshed'])},"
            f" {counted(stored['count'], 'member')}."
        )
        _say_some("came since then", found["added"])
        _say_some("went since then", found["removed"])
    if found["needs_yes"]:
        say("A refresh needs your yes: more would change than [dynamic_groups] allows.")
    for why, number in found["left_out"].items():
        if number:
            say(f"left out: {number} {_LEFT_OUT[why]}")
    say(f"filter: {found['filter']}")
    say(f"LDAP:   {found['ldap']}")
    say(f"SQL:    {' '.join(found['sql'].split())}")


_LEFT_OUT = {
    "disabled": "disabled, as who has left",
    "accounts": "accounts, which have no mailbox",
    "external": "outside the accepted domains, and the organisation allows no external recipients",
}


def _say_some(what: str, addresses: Sequence[str]) -> None:
    if addresses:
        more = f" and {len(addresses) - _SHOWN} more" if len(addresses) > _SHOWN else ""
        say(f"{len(addresses)} {what}: {', '.join(islice(addresses, _SHOWN))}{more}")
