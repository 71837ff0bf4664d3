"""kairan group cost: what messages to lists cost, as High Volume Email bills them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_table, say
from kairan.cli.times import read_time
from kairan.runtime.counted import counted
from kairan.usage.list_cost import list_cost_record, list_sends

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
    now = datetime.now(UTC)
    sends = list_sends(
        configuration.trace_directory,
        group=address,
        message_id=message_id,
        since=read_time(since, now),
        until=read_time(until, now) if until else now.timestamp(),
    )
    if message_id and not sends:
        raise BadInputError(f"the trace knows no message {message_id}")
    record = list_cost_record(sends, configuration.billing)
    if as_json:
        print_json(record)
    else:
        _print(record)


def _print(record: Mapping[str, Any]) -> None:
    columns = ("group", "messages", "expanded", "delivered", "billed", "cost")
    groups, everything = record["groups"], record["total"]
    print_table(
        columns,
        ([_shown(one[name]) for name in columns] for one in groups),
        nothing="no message went to a list in this time",
    )
    if groups:
        say(
            f"{counted(everything['billed'], 'billed recipient')}: "
            f"{_shown(everything['cost'])} {record['currency']}"
        )


def _shown(value: object) -> object:
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
