"""kairan queue: what waits, and what an operator may do to it.  Works beside a running service."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.doctor.options import LangOption, language, print_lines
from kairan.cli.errors import BadInputError
from kairan.cli.options import (
    ConfigOption,
    JsonOption,
    examples,
    group_of_commands,
    with_option_lists,
)
from kairan.cli.output import (
    plain_encoder,
    print_json,
    print_json_lines,
    print_record,
    print_table,
    say,
)
from kairan.config.model import Configuration
from kairan.queue import jobs as queue_jobs
from kairan.queue.jobs import RoutesOf, Selection, found, record, shown_job, statistics
from kairan.queue.listing import listed
from kairan.spool.operator_view import JobFilter
from kairan.spool.place import SpoolPlace, Unseen

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

    def filter(
        self, routes_of: RoutesOf, *, held: bool | None = None, quarantined: bool | None = None
    ) -> JobFilter:
        wanted = self.route
        return JobFilter(
            sender=self.sender or None,
            recipient=self.recipient or None,
            message_id=self.message_id or None,
            held=held,
            quarantined=quarantined,
            also=(lambda item: wanted in routes_of(item.job)) if wanted else None,
        )


@dataclass(frozen=True, slots=True)
class Choice(Conditions):
    """What is to be changed: these ids, or what fits the conditions, or everything."""

    everything: AllOption = False
    ids: IdsArgument = None

    def selection(self, routes_of: RoutesOf) -> Selection:
        if self.ids and self != Choice(ids=self.ids):
            raise BadInputError("give ids or conditions, not both")
        return Selection(tuple(self.ids or ()), self.filter(routes_of), self.everything)

    @property
    def is_open(self) -> bool:
        """More than the ids somebody wrote down."""
        return not self.ids


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
    configuration = read_configuration(config)
    routes_of = _routes_of(configuration)
    wanted = conditions.filter(routes_of, held=held, quarantined=quarantined)
    if as_json:
        encode = plain_encoder()
        print_json_lines(
            listed(
                configuration.spool_place,
                wanted,
                lambda shard, jobs: encode([shown_job(shard, job, routes_of) for job in jobs]),
            )
        )
    else:
        unseen: Unseen = []
        jobs = found(configuration.spool_place, Selection((), wanted, everything=False), unseen)
        records = (record(one, routes_of) for one in jobs)
        columns = ("id", "from", "to", "route", "tried", "due", "state")
        print_table(columns, map(_row, records), nothing="nothing waits")
        _raise_first(unseen)


@app.command("show", epilog=examples("kairan queue show 0-81", "kairan queue show 0-81 --json"))
def show(
    job: Annotated[
        str, typer.Argument(metavar="ID", help="Of a message or a job.", show_default=False)
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a message's jobs and header."""
    configuration = read_configuration(config)
    routes_of = _routes_of(configuration)
    shown = queue_jobs.show(configuration.spool_place, job)
    shard = int(job.partition("-")[0])
    jobs = [queue_jobs.record(queue_jobs.FoundJob(shard, item), routes_of) for item in shown.jobs]
    header = shown.header.decode("utf-8", "backslashreplace")
    if as_json:
        print_json({"jobs": jobs, "size": shown.size, "header": header})
        return
    for one in jobs:
        print_record(f"job {one.pop('id', one.get('what'))}", one)
    say("\n" + header.replace("\r\n", "\n"))


@app.command(
    "why",
    epilog=examples("kairan queue why 0-81", "kairan queue why 0-81.2 --lang ja --json"),
)
def why(
    job: Annotated[
        str, typer.Argument(metavar="ID", help="Of a message or a job.", show_default=False)
    ],
    lang: LangOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a message still waits.

    What it waits for, what the next server answered last, what that means and what to do.
    """
    # The catalogue's classifier is a tenth of a second that those who list the queue do not need.
    from kairan.cli import queue_why  # noqa: PLC0415
    from kairan.queue.why import answers as answers_of  # noqa: PLC0415

    configuration = read_configuration(config)
    spoken = language(lang)
    answers = answers_of(configuration, Selection((job,)), _routes_of(configuration))
    if as_json:
        print_json([queue_why.record_of(name, one, spoken) for name, one in answers])
        return
    for name, one in answers:
        print_lines(queue_why.lines_of(name, one, spoken))


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

    Also by a route that is held, or whose server is left alone for being down. A job that an operator holds stays held.
    """
    _change(config, choice, "retry", as_json=as_json)


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
    _change(config, choice, "hold", as_json=as_json)


@app.command("release", epilog=examples("kairan queue release 0-81", "kairan queue release --all"))
@with_option_lists
def release(
    choice: Choice = Choice(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let go what was held."""
    _change(config, choice, "release", as_json=as_json)


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
    if choice.is_open and not yes:
        raise BadInputError(
            "what is dropped is gone: look with `kairan queue list`, then repeat this with --yes"
        )
    _change(config, choice, "drop", as_json=as_json)


@app.command("stats", epilog=examples("kairan queue stats", "kairan queue stats --json"))
def stats(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Count what waits, and for how long."""
    unseen: Unseen = []
    numbers = statistics(_spool(config), time.time(), unseen)
    if as_json:
        print_json(numbers)
    else:
        print_record("queue", numbers)
    _raise_first(unseen)


def _raise_first(unseen: Unseen) -> None:
    """Behind what the others have."""
    if unseen:
        raise unseen[0]


DestinationOption = Annotated[
    str,
    typer.Option(
        "--destination",
        metavar="NAME",
        help="All that goes there: a route's `to`, or a domain that is reached by MX.",
    ),
]


@app.command(
    "pause",
    epilog=examples(
        "kairan queue pause --route example.com",
        "kairan queue pause --destination smtp://relay.example.com:25",
    ),
)
def pause(
    route: Annotated[
        str, typer.Option(metavar="PATTERN", help="What goes by the route with this pattern.")
    ] = "",
    destination: DestinationOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver nothing by a route or to a destination.

    Until `kairan queue resume`. Mail for it is accepted and waits; it does not expire meanwhile. A restart changes nothing of it.
    """
    from kairan.queue import pauses as queue_pauses  # noqa: PLC0415 - as in _change

    configuration = read_configuration(config)
    paused = queue_pauses.pause(configuration, route=route, destination=destination)
    _say_paused(configuration, "paused", paused, as_json=as_json)


@app.command(
    "resume",
    epilog=examples("kairan queue resume --route example.com", "kairan queue resume --all"),
)
def resume(
    route: Annotated[
        str, typer.Option(metavar="PATTERN", help="What goes by the route with this pattern.")
    ] = "",
    destination: DestinationOption = "",
    everything: Annotated[bool, typer.Option("--all", help="All that is paused.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver again what was paused."""
    from kairan.queue import pauses as queue_pauses  # noqa: PLC0415 - as in _change

    configuration = read_configuration(config)
    if everything and (route or destination):
        raise BadInputError("give --all, or --route or --destination, not both")
    if everything:
        resumed = queue_pauses.resume_all(configuration)
    else:
        resumed = queue_pauses.resume(configuration, route=route, destination=destination)
    _say_paused(configuration, "resumed", resumed, as_json=as_json)


def _say_paused(
    configuration: Configuration, done: str, pauses: list[tuple[str, str]], *, as_json: bool
) -> None:
    facts = [{"kind": kind, "name": name} for kind, name in pauses]
    tell(configuration, f"queue.{done}", pauses=facts)
    if as_json:
        print_json({done: facts})
        return
    for kind, name in pauses:
        say(f"{kind} {name} {done}")
    if not pauses:
        say("nothing was paused")


def _spool(config: Path | None) -> SpoolPlace:
    return read_configuration(config).spool_place


def _change(config: Path | None, choice: Choice, word: str, *, as_json: bool) -> None:
    # The trace is a tenth of a second that those who only look at the queue do not need.
    from kairan.queue.acts import QueueAct, carry_out, done_word  # noqa: PLC0415

    configuration, act = read_configuration(config), QueueAct(word)
    selection = choice.selection(_routes_of(configuration))
    changed = carry_out(configuration, act, selection, now=time.time(), warn=_warn)
    tell(configuration, f"queue.{done_word(act)}", jobs=changed, selection=choice)
    if as_json:
        print_json({"changed": changed})
    else:
        say(f"{changed} {'job' if changed == 1 else 'jobs'} {done_word(act)}")


def _warn(sentence: str) -> None:
    say(f"warning: {sentence}", to_operator=True)


def _routes_of(configuration: Configuration) -> RoutesOf:
    # As above.
    from kairan.queue.routing import Routing  # noqa: PLC0415

    return Routing(configuration).of


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
