"""What `kairan group add` and `set` say of dynamic groups: whom they fit, and how often that is found anew."""

import re
import time
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from kairan.cli.errors import BadInputError
from kairan.cli.group_membership import confirmed
from kairan.cli.output import plain
from kairan.config.model import Configuration
from kairan.directory.dynamic.rules import is_too_much
from kairan.directory.dynamic.wanted import with_conditions, with_filter
from kairan.directory.model import DynamicGroup, Group
from kairan.directory.operations.dynamic_groups import LargeChangeError
from kairan.directory.operations.groups import GroupFields
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.precanned import CONDITIONAL
from kairan.directory.recipient_filter.settings import RecipientFilterSettings
from kairan.directory.store import Directory
from kairan.trace.commands import by_whom

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_REFRESH = re.compile(r"([1-9][0-9]{0,6})([smhd])")
# Shorter is what "every message" is for.
_REFRESH_SECONDS_MIN = 60
_EVERY_MESSAGE = "message"
_AS_CONFIGURED = "default"

FilterOption = Annotated[
    str | None,
    typer.Option("--filter", metavar="OPATH", help="Its members: whom this recipient filter fits."),
]
IncludedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--included-recipients",
        metavar="KIND",
        help="Its members are such: MailboxUsers (as it is without), MailContacts, MailGroups, MailUsers, Resources, or AllRecipients; repeats.",
    ),
]
DepartmentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--conditional-department",
        "--department",
        metavar="TEXT",
        help="Of this department; repeats: of one of them; '' in `set`: of any.",
    ),
]
CompanyOption = Annotated[
    list[str] | None,
    typer.Option("--conditional-company", metavar="TEXT", help="Of this company; repeats."),
]
StateOption = Annotated[
    list[str] | None,
    typer.Option("--conditional-state-or-province", metavar="TEXT", help="In this state; repeats."),
]
CustomOption = Annotated[
    list[str] | None,
    typer.Option(
        "--conditional-custom-attribute",
        metavar="N=TEXT",
        help="With this custom attribute, N from 1 to 15; repeats.",
    ),
]
RefreshOption = Annotated[
    str | None,
    typer.Option(
        "--refresh",
        metavar="TIME",
        help="How often its members are found anew: 1h, 15m; `message`: at each; `default`: as configured.",
    ),
]


@dataclass(frozen=True, slots=True)
class DynamicOptions:
    filter: FilterOption = None
    included: IncludedOption = None
    department: DepartmentOption = None
    company: CompanyOption = None
    state: StateOption = None
    custom: CustomOption = None
    refresh: RefreshOption = None

    @property
    def are_named(self) -> bool:
        return self.filter is not None or self.are_precanned or self.refresh is not None

    @property
    def are_precanned(self) -> bool:
        return any((self.included, self.department, self.company, self.state, self.custom))

    def conditions(self) -> dict[str, list[str]]:
        """Those that were named; without a value: the condition goes."""
        named = {
            "Department": self.department,
            "Company": self.company,
            "StateOrProvince": self.state,
        }
        found = {name: values for name, values in named.items() if values}
        for word in self.custom or ():
            number, equals, value = word.partition("=")
            name = f"CustomAttribute{number}"
            if not equals or name not in CONDITIONAL:
                raise BadInputError(f'"{word}" is not N=TEXT with N from 1 to 15, such as 1=staff')
            found.setdefault(name, []).append(value)
        return found


def add_dynamic(
    directory: Directory,
    configuration: Configuration,
    address: str,
    options: DynamicOptions,
    fields: GroupFields,
) -> None:
    if options.filter is None and not options.are_precanned:
        raise BadInputError("--refresh is of dynamic groups: say whom it fits, as with --filter")
    group = _with(DynamicGroup(address, ""), options, configuration.recipient_filter)
    tree = parse(group.filter, configuration.recipient_filter)
    directory.dynamic_groups.add(group, tree, now=int(time.time()), by=by_whom(), **fields)


def set_dynamic(
    directory: Directory,
    configuration: Configuration,
    address: str,
    options: DynamicOptions,
    fields: GroupFields,
    *,
    yes: bool,
) -> None:
    before = directory.dynamic_groups.one(address)
    if before is None:
        raise BadInputError(
            f"{address} is no dynamic group; `kairan group list` shows which are,"
            " `kairan group add` with a filter adds one"
        )
    group = _with(before, options, configuration.recipient_filter)
    tree = parse(group.filter, configuration.recipient_filter)

    def change(*, is_agreed: bool) -> None:
        directory.dynamic_groups.change(
            group,
            tree,
            now=int(time.time()),
            by=by_whom(),
            refuses=lambda one: not is_agreed and is_too_much(one, configuration.dynamic_groups),
            **fields,
        )

    try:
        change(is_agreed=yes)
    except LargeChangeError as error:
        confirmed(error)
        change(is_agreed=True)


def shown_group(directory: Directory, group: Group) -> dict[str, Any]:
    """A group as it is shown: a dynamic one with what it follows from."""
    shown: dict[str, Any] = plain(group)
    if group.is_dynamic and (dynamic := directory.dynamic_groups.one(group.address)):
        shown |= plain(dynamic)
    return shown


def _with(
    before: DynamicGroup, options: DynamicOptions, settings: RecipientFilterSettings
) -> DynamicGroup:
    after = before
    if options.refresh is not None:
        after = replace(after, refresh_seconds=_refresh_seconds(options.refresh))
    if options.filter is not None:
        if options.are_precanned:
            raise BadInputError(
                "--filter says all; conditions and included recipients go without one, as in Exchange"
            )
        return with_filter(after, options.filter)
    if not options.are_precanned:
        return after
    return with_conditions(
        after,
        settings,
        included_recipients=options.included or (),
        conditions=options.conditions(),
    )


def _refresh_seconds(text: str) -> int | None:
    """None: as configured; 0: at every message."""
    if text in {_EVERY_MESSAGE, _AS_CONFIGURED}:
        return 0 if text == _EVERY_MESSAGE else None
    span = _REFRESH.fullmatch(text)
    seconds = int(span[1]) * _SECONDS[span[2]] if span else 0
    if not _REFRESH_SECONDS_MIN <= seconds < 2**31:
        raise BadInputError(
            f'"{text}" is no interval; write 15m, 1h or 1d, from a minute on;'
            f" `{_EVERY_MESSAGE}` or `{_AS_CONFIGURED}`"
        )
    return seconds
