"""kairan queue: what waits, and what an operator may do to it.  Works beside a running service."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli import queue_jobs
from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import (
    ConfigOption,
    JsonOption,
    examples,
    group_of_commands,
    with_option_lists,
)
from kairan.cli.output import print_json, print_json_list, print_record, print_table, say
from kairan.cli.queue_jobs import Change, Selection, change, found, record, statistics
from kairan.spool.sqlite.operator.view import Filter

app = group_of_commands("The queue: what waits for delivery.")

IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        help="Of a message (0-81) or one of its jobs (0-81.2).",
        show_default=False,
    ),
]
FromOption = Annotated[
    str, typer.Option("--from", metavar="ADDRESS", help="Only mail of this sender.")
]
ToOption = Annotated[
    str, typer.Option("--to", metavar="ADDRESS", help="Only jobs with this recipient.")
]
RouteOption = Annotated[
    str, typer.Option(metavar="PATTERN", help="Only what goes by the route with this pattern.")
]
MessageIdOption = Annotated[str, typer.Option(metavar="ID", help="Only the mail with this field.")]
AllOption = Annotated[bool, typer.Option("--all", help="The whole queue.")]

RECIPIENTS_SHOWN = 3  # of a job, in a table


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which mail; several narrow it."""

    sender: FromOption = ""
    recipient: ToOption = ""
    route: RouteOption = ""
    message_id: MessageIdOption = ""

    def filter(self, *, held: bool | None = None, quarantined: bool | None = None) -> Filter:
        return Filter(
            sender=self.sender or None,
            recipient=self.recipient or None,
            route=self.route or None,
            message_id=self.message_id or None,
            held=held,
            quarantined=quarantined,
        )


@dataclass(frozen=True, slots=True)
class Choice(Conditions):
    """What is to be changed: these ids, or what fits the conditions, or everything."""

    everything: AllOption = False
    ids: IdsArgument = None

    def selection(self) -> Selection:
        if self.ids and self != Choice(ids=self.ids):
            raise BadInputError("give ids or conditions, not both")
        return Selection(tuple(self.ids or ()), self.filter(), self.everything)


@app.command(
    "list",
    epilog=examples(
        "kairan queue list",
        "kairan queue list --to akiko@example.com --json",
        "kairan queue list --quarantined",
    ),
)
@with_option_lists
def list_(
    conditions: Conditions = Conditions(),
    held: Annotated[
        bool | None, typer.Option("--held/--not-held", help="Only what is held, or is not.")
    ] = None,
    quarantined: Annotated[
        bool | None,
        typer.Option("--quarantined/--readable", help="Only what is in quarantine, or is not."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs.

    A job is a message, a route and the recipients that go there together.
    """
    selection = Selection(
        (), conditions.filter(held=held, quarantined=quarantined), everything=False
    )
    records = (record(one) for one in found(_spool(config), selection))
    if as_json:
        print_json_list(records, is_plain=True)
    else:
        columns = ("id", "from", "to", "route", "tried", "due", "state")
        print_table(columns, map(_row, records), nothing="nothing waits")


@app.command("show", epilog=examples("kairan queue show 0-81", "kairan queue show 0-81 --json"))
def show(
    job: Annotated[
        str, typer.Argument(metavar="ID", help="Of a message or a job.", show_default=False)
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a message's jobs and header."""
    shown = queue_jobs.show(_spool(config), job)
    shard = int(job.partition("-")[0])
    jobs = [queue_jobs.record(queue_jobs.Found(shard, item)) for item in shown.jobs]
    header = shown.header.decode("utf-8", "backslashreplace")
    if as_json:
        print_json({"jobs": jobs, "size": shown.size, "header": header})
        return
    for one in jobs:
        print_record(f"job {one.pop('id', one.get('what'))}", one)
    say("\n" + header.replace("\r\n", "\n"))


@app.command(
    "retry", epilog=examples("kairan queue retry 0-81", "kairan queue retry --route example.com")
)
@with_option_lists
def retry(
    choice: Choice = Choice(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try again now.

    What is held stays held.
    """
    selection = choice.selection()
    now = time.time()
    _change(
        config, selection, lambda view, jobs: view.retry(jobs, now=now), "due now", as_json=as_json
    )


@app.command(
    "hold", epilog=examples("kairan queue hold 0-81", "kairan queue hold --from hr@example.com")
)
@with_option_lists
def hold(
    choice: Choice = Choice(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep from being delivered.

    Until it is released.
    """
    selection = choice.selection()
    _change(config, selection, lambda view, jobs: view.hold(jobs), "held", as_json=as_json)


@app.command("release", epilog=examples("kairan queue release 0-81", "kairan queue release --all"))
@with_option_lists
def release(
    choice: Choice = Choice(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let go what was held."""
    selection = choice.selection()
    now = time.time()
    _change(
        config,
        selection,
        lambda view, jobs: view.release(jobs, now=now),
        "released",
        as_json=as_json,
    )


@app.command(
    "drop",
    epilog=examples("kairan queue drop 0-81.2", "kairan queue drop --to x@example.com --yes"),
)
@with_option_lists
def drop(
    choice: Choice = Choice(),
    yes: Annotated[
        bool, typer.Option("--yes", help="Needed where conditions, not ids, say what goes.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove for good.

    Nobody gets a report.
    """
    selection = choice.selection()
    if selection.is_open() and not yes:
        raise BadInputError(
            "what is dropped is gone: look with `kairan queue list`, then repeat this with --yes"
        )
    _change(config, selection, lambda view, jobs: view.drop(jobs), "dropped", as_json=as_json)


@app.command("stats", epilog=examples("kairan queue stats", "kairan queue stats --json"))
def stats(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Count what waits, and for how long."""
    numbers = statistics(_spool(config), time.time())
    if as_json:
        print_json(numbers)
    else:
        print_record("queue", numbers)


def _spool(config: Path | None) -> Path:
    return read_configuration(config).spool_directory


def _change(
    config: Path | None, selection: Selection, action: Change, done: str, *, as_json: bool
) -> None:
    configuration = read_configuration(config)
    changed = change(configuration.spool_directory, selection, action)
    tell(configuration, f"queue.{done}", jobs=changed, selection=selection)
    if as_json:
        print_json({"changed": changed})
    else:
        say(f"{changed} {'job' if changed == 1 else 'jobs'} {done}")


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    if record["quarantined"]:
        return (record["what"], "", "", "", "", "", f"in quarantine: {record['reason']}")
    recipients = record["recipients"]
    more = len(recipients) - RECIPIENTS_SHOWN
    shown = ", ".join(recipients[:RECIPIENTS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    state = "held" if record["held"] else record["detail"] or "waiting"
    return (
        record["id"],
        record["sender"] or "<>",
        shown,
        record["route"],
        record["attempts"],
        record["due"],
        state,
    )
