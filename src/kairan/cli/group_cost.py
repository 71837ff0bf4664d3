"""kairan group cost: what messages to lists cost, as High Volume Email bills them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_table, say
from kairan.cli.times import moment, read_time
from kairan.runtime.counted import counted
from kairan.trace.search import TraceReader
from kairan.trace.settings import BillingSettings
from kairan.trace.usage import GroupSend, group_sends, send_of
from kairan.usage.price import price

SinceOption = Annotated[
    str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
]


def add_to(app: typer.Typer) -> None:
    app.command(
        "cost",
        epilog=examples(
            "kairan group cost --since 30d",
            "kairan group cost all-hands@example.com --json",
            "kairan group cost --message-id '<20261123.1@example.com>'",
        ),
    )(cost)


def cost(
    address: Annotated[
        str, typer.Argument(metavar="[ADDRESS]", help="One group alone.", show_default=False)
    ] = "",
    message_id: Annotated[
        str, typer.Option(metavar="ID", help="One message, to a list or not.")
    ] = "",
    since: SinceOption = "30d",
    until: Annotated[str, typer.Option(metavar="TIME", help="The same.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what messages to lists cost.

    Billed are the recipients behind a list to whom a message was delivered, each once a message, at the
    price in [billing].  A message to several lists stands at the first.
    """
    configuration = read_configuration(config)
    directory, billing = configuration.trace_directory, configuration.billing
    if message_id:
        with TraceReader(directory) as reader:
            sends = [send_of(reader, f"<{message_id.strip('<> ')}>")]
        if not sends[0].time:
            raise BadInputError(f"the trace knows no message {message_id}")
    else:
        now = datetime.now(UTC)
        end = read_time(until, now) if until else now.timestamp()
        found = group_sends(directory, read_time(since, now), end)
        wanted = address.lower()
        sends = [one for one in found if not wanted or wanted in map(str.lower, one.groups)]
    _print(sends, billing, as_json=as_json)


def _print(sends: Sequence[GroupSend], billing: BillingSettings, *, as_json: bool) -> None:
    messages = [_message(one, billing) for one in sends]
    totals = _totals(sends, billing)
    everything = _sum(sends, billing)
    if as_json:
        print_json(
            {
                "currency": billing.currency,
                "price_per_million": billing.price_per_million,
                "groups": totals,
                "messages": messages,
                "total": everything,
            }
        )
        return
    columns = ("group", "messages", "expanded", "delivered", "billed", "cost")
    print_table(
        columns,
        ([_shown(one[name]) for name in columns] for one in totals),
        nothing="no message went to a list in this time",
    )
    if totals:
        say(
            f"{counted(everything['billed'], 'billed recipient')}: "
            f"{_shown(everything['cost'])} {billing.currency}"
        )


def _totals(sends: Sequence[GroupSend], billing: BillingSettings) -> list[dict[str, Any]]:
    by_group: dict[str, list[GroupSend]] = {}
    for send in sends:
        by_group.setdefault(send.groups[0] if send.groups else "", []).append(send)
    return [{"group": group, **_sum(some, billing)} for group, some in sorted(by_group.items())]


def _sum(sends: Sequence[GroupSend], billing: BillingSettings) -> dict[str, Any]:
    delivered = sum(len(one.delivered) for one in sends)
    return {
        "messages": len(sends),
        "expanded": sum(len(one.expanded) for one in sends),
        "delivered": delivered,
        "failed": sum(len(one.failed) for one in sends),
        "billed": delivered,
        "cost": price(delivered, billing),
    }


def _message(send: GroupSend, billing: BillingSettings) -> dict[str, Any]:
    return {
        "message_id": send.message_id,
        "time": moment(int(send.time)),
        "account": send.account,
        "from": send.sender,
        "groups": send.groups,
        **_sum([send], billing),
    }


def _shown(value: object) -> object:
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
