"""kairan trace: what happened to a message."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json_list, print_table
from kairan.cli.times import read_time
from kairan.trace.search import TraceEvent, search

EVENTS_MAX = 100_000  # one answer in memory: about 50 MB


app = one_command()


@app.command(
    "trace",
    epilog=examples(
        "kairan trace --message-id '<20261123.1@example.com>' --json",
        "kairan trace --to akiko@example.com --since 2h",
        "kairan trace --from payroll@example.com --since 2026-11-23T08:00 --until 2026-11-24",
    ),
)
def trace(
    message_id: Annotated[
        str, typer.Option(metavar="ID", help="The Message-ID field, with or without < >.")
    ] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The envelope's sender.")
    ] = "",
    recipient: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="A recipient.")] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="The same.")] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=EVENTS_MAX, help="The latest so many events.")
    ] = 1_000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to messages."""
    now = datetime.now(UTC)
    events = search(
        read_configuration(config).trace_directory,
        message_id=f"<{message_id.strip('<> ')}>" if message_id else None,
        sender=sender or None,
        recipient=recipient or None,
        since=read_time(since, now) if since else None,
        until=read_time(until, now) if until else None,
        limit=limit,
    )
    if as_json:
        print_json_list(_record(event) for event in events)
    else:
        _print_events(events)


def _record(event: TraceEvent) -> dict[str, Any]:
    return {
        "time": _utc(event.time),
        "event": event.event,
        "message_id": event.message_id,
        "sender": event.sender,
        "recipient": event.recipient,
        "detail": event.detail,
        "client": event.client,
        "spool_id": event.spool_id,
        "count": event.count,
        "first": _utc(event.time if event.first is None else event.first),
    }


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "milliseconds")


def _print_events(events: list[TraceEvent]) -> None:
    print_table(
        ("time", "event", "message id", "from", "to", "detail"),
        (
            (
                _local(event.time),
                event.event,
                event.message_id,
                event.sender,
                event.recipient,
                _told(event),
            )
            for event in events
        ),
        nothing="no event fits; see --since, and the spelling of addresses",
    )


def _told(event: TraceEvent) -> str:
    """Of strangers that were refused the address is all that says who they are."""
    if event.first is None:
        return event.detail
    often = f" {event.count} times since {_local(event.first)}" if event.count > 1 else ""
    return f"client={event.client or 'others'} {event.detail}{often}"
