"""kairan group: one address for many people."""

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import typer

from kairan.cli import (
    group_advise,
    group_cost,
    group_members,
    group_membership,
    group_moderation,
)
from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of, open_directory, warn_without_postmaster
from kairan.cli.errors import BadInputError
from kairan.cli.group_dynamic import DynamicOptions, add_dynamic, set_dynamic, shown_group
from kairan.cli.group_membership import YesOption, print_preview
from kairan.cli.options import (
    ConfigOption,
    DisplayNameOption,
    HiddenOption,
    JsonOption,
    examples,
    group_of_commands,
    with_option_lists,
)
from kairan.cli.output import print_json, print_json_list, print_record, print_table, say
from kairan.cli.times import moment, read_time
from kairan.directory.model import Group, ModerationNotifications
from kairan.directory.operations.groups import GroupFields
from kairan.directory.recipient_filter.errors import RecipientFilterError
from kairan.directory.recipient_filter.ldap import ldap_filter
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.settings import RecipientFilterSettings
from kairan.directory.recipient_filter.tree import Filter
from kairan.directory.store import Directory
from kairan.expansion.preview import previewed
from kairan.runtime.counted import counted
from kairan.runtime.visible import visible
from kairan.trace.sends import sends_of

app = group_of_commands("Groups: one address for many people.")
app.add_typer(group_members.app, name="members")
group_membership.add_to(app)
app.add_typer(group_moderation.app, name="moderation")
group_cost.add_to(app)
group_advise.add_to(app)

AddressArgument = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The group's address.", show_default=False)
]
FilterArgument = Annotated[
    str, typer.Argument(metavar="OPATH", help="The recipient filter.", show_default=False)
]
OwnerOption = Annotated[
    list[str] | None, typer.Option(help="Who manages it; repeats.", metavar="ADDRESS")
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only these people, or members of these groups, may send to it; repeats.",
        metavar="ADDRESS",
    ),
]
RejectOption = Annotated[
    list[str] | None,
    typer.Option(
        help="These people, or members of these groups, may not send to it; repeats.",
        metavar="ADDRESS",
    ),
]
AuthenticationOption = Annotated[
    bool | None,
    typer.Option(
        "--require-sender-authentication/--no-require-sender-authentication",
        help="Whether only those who have logged in may send to it.",
    ),
]
ReportOption = Annotated[
    bool | None,
    typer.Option(
        "--report-to-originator/--no-report-to-originator",
        help="Whether who has sent hears of failures.",
    ),
]
ManagerOption = Annotated[
    bool | None,
    typer.Option(
        "--report-to-manager/--no-report-to-manager",
        help="Whether an owner hears of failures, and not who has sent.",
    ),
]
ModeratedOption = Annotated[
    bool | None,
    typer.Option(
        "--moderated/--not-moderated", help="Whether a moderator sees each message first."
    ),
]
ModeratorOption = Annotated[
    list[str] | None,
    typer.Option(help="Who may approve; repeats; without one the owners.", metavar="ADDRESS"),
]
BypassOption = Annotated[
    list[str] | None,
    typer.Option(
        help="These people, or members of these groups, need no approval; repeats.",
        metavar="ADDRESS",
    ),
]
NestedOption = Annotated[
    bool | None,
    typer.Option(
        "--bypass-nested-moderation/--no-bypass-nested-moderation",
        help="Whether its approval counts for the moderated groups in it.",
    ),
]
NotificationsOption = Annotated[
    ModerationNotifications | None,
    typer.Option(
        "--moderation-notifications",
        help="Which senders hear that none approved their message: all, the organisation's, none.",
        case_sensitive=False,
    ),
]
ReplyToOption = Annotated[
    str | None,
    typer.Option(help="Where the members' answers go; '' for the author.", metavar="ADDRESS"),
]
ListHeadersOption = Annotated[
    bool | None,
    typer.Option(
        "--list-headers/--no-list-headers",
        help="Whether its mail says that it is a list's (List-Id, List-Post …).",
    ),
]
UnsubscribeOption = Annotated[
    str | None,
    typer.Option(help="An https address for one-click unsubscription; '' for none.", metavar="URL"),
]
SizeOption = Annotated[
    int | None,
    typer.Option(
        "--message-octets-max",
        help="The largest message it takes; 0: any.",
        metavar="OCTETS",
        min=0,
    ),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        "--send-window",
        help="When its mail goes out, such as '08:00-18:00 mon-fri Asia/Tokyo'; '' for always.",
        metavar="WINDOW",
    ),
]
EnabledOption = Annotated[
    bool | None, typer.Option("--enabled/--disabled", help="Whether it takes mail.")
]
# In `set`, a list that is to become empty.
NOBODY = "none"


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """What `add` and `set` say alike of a group."""

    display_name: DisplayNameOption = None
    owner: OwnerOption = None
    accept_from: AcceptOption = None
    reject_from: RejectOption = None
    authentication: AuthenticationOption = None
    hidden: HiddenOption = None
    report: ReportOption = None
    manager: ManagerOption = None
    enabled: EnabledOption = None
    moderated: ModeratedOption = None
    moderator: ModeratorOption = None
    bypass: BypassOption = None
    nested: NestedOption = None
    notifications: NotificationsOption = None
    reply_to: ReplyToOption = None
    list_headers: ListHeadersOption = None
    unsubscribe: UnsubscribeOption = None
    size_max: SizeOption = None
    window: WindowOption = None

    def fields(self) -> GroupFields:
        """Those that were named."""
        lists = {
            "owners": self.owner,
            "accept_from": self.accept_from,
            "reject_from": self.reject_from,
            "moderators": self.moderator,
            "bypass": self.bypass,
        }
        single = {
            "display_name": self.display_name,
            "require_sender_authentication": self.authentication,
            "hidden": self.hidden,
            "report_to_originator": self._report_to_originator(),
            "report_to_manager": self.manager,
            "enabled": self.enabled,
            "moderated": self.moderated,
            "bypass_nested_moderation": self.nested,
            "moderation_notifications": self.notifications,
            "reply_to": self.reply_to,
            "list_headers": self.list_headers,
            "unsubscribe": self.unsubscribe,
            "send_window": self.window,
        }
        fields: dict[str, Any] = {name: _list(value) for name, value in lists.items() if value}
        fields |= {name: value for name, value in single.items() if value is not None}
        if self.size_max is not None:
            fields["message_octets_max"] = self.size_max or None
        return cast("GroupFields", fields)

    def _report_to_originator(self) -> bool | None:
        """As in Exchange one of the two hears: who names the owner means not the sender."""
        return False if self.manager and self.report is None else self.report


@app.command(
    "add",
    epilog=examples(
        "kairan group add sales@example.com --member akiko@example.com --member ben@example.com",
        "kairan group add board@example.com --accept-from payroll@example.com",
        "kairan group add sales@example.com --conditional-department Sales --conditional-department 営業部",
        "kairan group add managers@example.com --filter \"Title -like 'Manager*'\" --refresh 1h",
    ),
)
@with_option_lists
def add(
    address: AddressArgument,
    member: Annotated[
        list[str] | None, typer.Option(help="A mailbox or group in it; repeats.", metavar="ADDRESS")
    ] = None,
    dynamic: DynamicOptions = DynamicOptions(),
    settings: GroupOptions = GroupOptions(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a group.

    Long lists of members: `kairan group members import`.  With a filter, or included recipients and
    conditions, it is a dynamic group: its members follow from what the directory says of people.
    """
    configuration = read_configuration(config)
    if dynamic.are_named and member:
        raise BadInputError("the members of a dynamic group follow from its filter; leave --member")
    with directory_of(configuration) as directory:
        if dynamic.are_named:
            add_dynamic(directory, configuration, address, dynamic, settings.fields())
        else:
            directory.add_group(address, initial_members=member or (), **settings.fields())
        shown = shown_group(directory, _existing(directory, address))
    _print(shown, as_json=as_json)


@app.command(
    "set",
    epilog=examples(
        "kairan group set sales@example.com --owner akiko@example.com",
        "kairan group set board@example.com --accept-from none",
        "kairan group set managers@example.com --filter \"Title -like 'Director*'\" --yes",
    ),
)
@with_option_lists
def set_(
    address: AddressArgument,
    dynamic: DynamicOptions = DynamicOptions(),
    settings: GroupOptions = GroupOptions(),
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a group.

    What is not named stays; a list replaces the one before, `none` empties it.  Another filter of a
    dynamic group is another membership at once.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        if dynamic.are_named:
            set_dynamic(directory, configuration, address, dynamic, settings.fields(), yes=yes)
        else:
            directory.set_group(address, **settings.fields())
        warn_without_postmaster(directory)
        shown = shown_group(directory, _existing(directory, address))
    _print(shown, as_json=as_json)


@app.command("list", epilog=examples("kairan group list", "kairan group list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the groups."""
    with open_directory(config) as directory:
        groups = directory.groups()
    if as_json:
        print_json_list(groups)
        return
    print_table(
        ("address", "name", "dynamic", "owners", "accepts from", "enabled"),
        (
            (
                one.address,
                one.display_name,
                one.is_dynamic,
                one.owners,
                one.accept_from,
                one.enabled,
            )
            for one in groups
        ),
        nothing="no group yet; `kairan group add ADDRESS` adds one",
    )


@app.command("show", epilog=examples("kairan group show sales@example.com --json"))
def show(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show a group's settings.

    Its members: `kairan group members list` and `kairan group preview`.
    """
    with open_directory(config) as directory:
        shown = shown_group(directory, _existing(directory, address))
    _print(shown, as_json=as_json)


@app.command("remove", epilog=examples("kairan group remove sales@example.com"))
def remove(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Remove a group.

    Its members stay as they are.
    """
    with open_directory(config) as directory:
        group = _existing(directory, address)
        directory.remove_group(group.address)
        warn_without_postmaster(directory)
    if as_json:
        print_json({"removed": group.address})
    else:
        say(f"{group.address} is removed")


@app.command("preview", epilog=examples("kairan group preview all-hands@example.com --json"))
def preview(
    address: AddressArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show who would receive a message now.

    Groups within it are opened, and each recipient stands there once.  Of a dynamic group it is whom
    the filter fits now; who has come and gone since the stored list, which messages go to until the
    next refresh; and what the filter is in SQL and LDAP.
    """
    configuration = read_configuration(config)
    with directory_of(configuration) as directory:
        found = previewed(
            directory,
            configuration.dynamic_groups,
            configuration.delivery.expansion,
            _existing(directory, address),
        )
    if as_json:
        print_json(found)
    else:
        print_preview(found)


@app.command(
    "sends",
    epilog=examples(
        "kairan group sends all-hands@example.com",
        "kairan group sends --since 2h --json",
    ),
)
def sends(
    group: Annotated[
        str, typer.Argument(metavar="[GROUP]", help="The group's address; none: any.")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
    ] = "7d",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000, help="The latest so many.")
    ] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far messages to groups have come.

    Of each message: to how many it was expanded, who has it, who waits, and who failed.
    """
    directory = read_configuration(config).trace_directory
    found = sends_of(directory, group, since=read_time(since, datetime.now(UTC)), limit=limit)
    if as_json:
        print_json_list(found)
        return
    if not found:
        say("no message to a group since then; see --since")
    for one in found:
        say(f"{moment(int(one.time))}  {visible(one.group)}  from {visible(one.sender) or '<>'}")
        say(f"  {visible(one.message_id)}")
        numbers = f"delivered {one.delivered}, deferred {one.deferred}, failed {one.failed}"
        say(f"  expanded to {one.expanded}: {numbers}")
        for fate in one.who:
            say(f"    {fate.event:<8} {visible(fate.recipient)}")
            say(textwrap.indent("\n".join(textwrap.wrap(visible(fate.detail), 68)), " " * 13))


@app.command(
    "filter",
    epilog=examples(
        "kairan group filter \"Department -eq 'Sales' -and Title -like 'Manager*'\"",
        "kairan group filter '{HiddenFromAddressListsEnabled -eq $false}' --json",
    ),
)
def filter_(text: FilterArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show whom a recipient filter fits now.

    With the LDAP filter that means the same.  The filter is written as in Exchange (OPATH);
    [recipient_filter] says what it may be.
    """
    configuration = read_configuration(config)
    tree = _parsed(text, configuration.recipient_filter)
    with directory_of(configuration) as directory:
        members = list(directory.fitting(tree))
    found = {"count": len(members), "ldap": ldap_filter(tree), "members": members}
    if as_json:
        print_json(found)
    else:
        print_table(("member",), ([member] for member in members), nothing="it fits nobody")
        say(f"{counted(len(members), 'recipient')}; for a directory server: {found['ldap']}")


def _parsed(text: str, settings: RecipientFilterSettings) -> Filter:
    try:
        return parse(text, settings)
    except RecipientFilterError as error:
        raise BadInputError(str(error)) from error


def _list(words: list[str]) -> list[str]:
    return [] if words == [NOBODY] else words


def _existing(directory: Directory, address: str) -> Group:
    group = directory.group(address)
    if group is None:
        raise BadInputError(f"there is no group {address}; `kairan group list` shows them")
    return group


def _print(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        print_record(f"group {shown['address']}", shown)
