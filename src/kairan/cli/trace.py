"""kairan trace: where is my mail?"""

import csv
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import (
    ConfigOption,
    JsonOption,
    examples,
    one_command,
    with_option_lists,
)
from kairan.cli.output import print_json_list, say
from kairan.cli.times import read_time
from kairan.runtime.counted import counted
from kairan.runtime.spreadsheet import cell_text
from kairan.runtime.visible import visible
from kairan.trace.search import TraceEvent
from kairan.trace.story import MessageStatus, TracedMessage, Wanted, find_messages

_MESSAGES_MAX = 10_000  # one answer in memory: about 100 MB
_NARROWEST = 40  # columns; below it nothing is laid out
_COLUMNS = (
    "time", "event", "message_id", "sender", "recipient", "account", "client", "subject", "detail",
    "spool_id", "count", "first",
)  # fmt: skip


app = one_command()


@dataclass(frozen=True, slots=True)
class TraceConditions:
    """Which messages; several narrow it."""

    message_id: Annotated[
        str, typer.Option(metavar="ID", help="The Message-ID field, with or without < >.")
    ] = ""
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The envelope's sender.")
    ] = ""
    recipient: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="A recipient, also through a group.")
    ] = ""
    event: Annotated[str, typer.Option(metavar="NAME", help="RECEIVE, EXPAND, DELIVER, FAIL …")] = (
        ""
    )
    account: Annotated[str, typer.Option(metavar="ADDRESS", help="Who had logged in.")] = ""
    client: Annotated[str, typer.Option(metavar="IP", help="The address it came from.")] = ""
    status: Annotated[
        MessageStatus | None, typer.Option(help="What became of it, for one recipient at least.")
    ] = None
    subject: Annotated[
        str, typer.Option(metavar="TEXT", help="A part of it, where trace.keep_subject is on.")
    ] = ""
    since: Annotated[
        str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
    ] = ""
    until: Annotated[str, typer.Option(metavar="TIME", help="The same.")] = ""

    def wanted(self, now: datetime) -> Wanted:
        return Wanted(
            message_id=f"<{self.message_id.strip('<> ')}>" if self.message_id else "",
            sender=self.sender,
            recipient=self.recipient,
            event=self.event,
            account=self.account,
            client=self.client,
            subject=self.subject,
            status=self.status.value if self.status is not None else "",
            since=read_time(self.since, now) if self.since else None,
            until=read_time(self.until, now) if self.until else None,
        )


@app.command(
    "trace",
    epilog=examples(
        "kairan trace --to akiko@example.com --since 2h",
        "kairan trace --message-id '<20261123.1@example.com>' --json",
        "kairan trace --account payroll@example.com --status failed --since 7d --csv",
    ),
)
@with_option_lists
def trace(
    conditions: TraceConditions = TraceConditions(),
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=_MESSAGES_MAX, help="The latest so many.")
    ] = 100,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the events as CSV.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to messages, each whole.

    Times without a zone are this machine's, and so are those that are shown; JSON and CSV have UTC.
    """
    if as_csv and as_json:
        raise BadInputError("--csv or --json, not both")
    found = find_messages(
        read_configuration(config).trace_directory,
        conditions.wanted(datetime.now(UTC)),
        limit=limit,
    )
    if as_json:
        print_json_list(_record(event) for one in found.messages for event in one.events)
    elif as_csv:
        _print_csv(event for one in found.messages for event in one.events)
    else:
        _print_blocks(found.messages)
    left_out = sum(one.left_out for one in found.messages)
    if left_out and (as_json or as_csv):
        say(f"… without {counted(left_out, 'event')} of large messages", to_operator=True)
    if found.is_cut:
        say(
            f"… the latest {counted(len(found.messages), 'message')} of more; narrow it, or raise"
            " --limit",
            to_operator=True,
        )


def _record(event: TraceEvent) -> dict[str, Any]:
    return {
        "time": _utc(event.time),
        "event": event.event,
        "message_id": event.message_id,
        "sender": event.sender,
        "recipient": event.recipient,
        "account": event.account,
        "detail": event.detail,
        "client": event.client,
        "subject": event.subject,
        "spool_id": event.spool_id,
        "count": event.count,
        "first": _utc(event.time if event.first is None else event.first),
    }


def _print_csv(events: Iterable[TraceEvent]) -> None:
    text = StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for event in events:
        record = _record(event)
        table.writerow([cell_text(record[name]) for name in _COLUMNS])
    say(text.getvalue().rstrip("\n"))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


# For people: a block for each message, in which nothing is cut.


def _print_blocks(messages: Iterable[TracedMessage]) -> None:
    width = terminal_columns()
    is_first = True
    for message in messages:
        if not is_first:
            say()
        is_first = False
        for line in _block(message, width if width >= _NARROWEST else 0):
            say(line)
    if is_first:
        say("no event fits; see --since, and the spelling of addresses")


def terminal_columns() -> int:
    """0: no terminal, and lines are as long as they are."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 0


def _block(message: TracedMessage, width: int) -> Iterator[str]:
    events = message.events
    yield visible(message.message_id) or "(no message)"
    for name in ("sender", "account", "client", "subject"):
        texts = (getattr(event, name) for event in events if event.first is None)
        values = dict.fromkeys(text for text in texts if text)
        if values:
            yield from _wrapped(f"  {_TITLES[name]:<8}", ", ".join(values), width)
    for event in events:
        yield f"  {_local(event.time)}  {event.event:<8} {visible(event.recipient)}".rstrip()
        if detail := _told(event):
            yield from _wrapped("      ", detail, width)
    if message.left_out:
        yield f"  … and {counted(message.left_out, 'event')} more; --to shows those of one recipient"


_TITLES = {"sender": "from", "account": "account", "client": "client", "subject": "subject"}


def _wrapped(head: str, text: str, width: int) -> Iterator[str]:
    """Between words alone: an address or an id stays what it is."""
    text = visible(text)
    if not width:
        yield head + text
        return
    yield from textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "milliseconds")


def _told(event: TraceEvent) -> str:
    """Of strangers that were refused the address is all that says who they are."""
    if event.first is None:
        return event.detail
    often = (
        f" {counted(event.count, 'time')} since {_local(event.first)}" if event.count > 1 else ""
    )
    return f"client={event.client or 'others'} {event.detail}{often}"
