"""kairan drain: accept nothing new, deliver what is stored, and say when that is done."""

import time
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import plain, print_json, say
from kairan.config.model import Configuration
from kairan.intake.draining import DrainOrder, begin_drain, end_drain
from kairan.queue.jobs import statistics
from kairan.runtime.counted import counted
from kairan.trace.commands import by_whom

app = group_of_commands("Let the queue run empty, before maintenance or a move.")

_ASK_SECONDS = 1.0
NOT_EMPTY = 1  # the exit code where waiting ended before the queue was empty


@app.command("begin", epilog=examples("kairan drain begin", "kairan drain begin --wait 600"))
def begin(
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="Wait so long for the queue to be empty.")
    ] = 0.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept nothing new and deliver the rest.

    Clients hear 421 and try again elsewhere or later. A restart changes nothing of it; `kairan drain end` does. With --wait, exits with 1 where mail is left at the end.
    """
    configuration = read_configuration(config)
    order = DrainOrder(by_whom(), time.time())
    if begin_drain(configuration.drain_file, order):
        tell(configuration, "drain.begin")
    left = _wait_empty(configuration, wait)
    if as_json:
        print_json({"draining": plain(order), "messages": left})
    else:
        say("the queue is empty" if not left else f"{counted(left, 'message')} left")
    if wait and left:
        raise typer.Exit(NOT_EMPTY)


@app.command("end", epilog=examples("kairan drain end", "kairan drain end --json"))
def end(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Accept mail again."""
    configuration = read_configuration(config)
    is_ended = end_drain(configuration.drain_file)
    if is_ended:
        tell(configuration, "drain.end")
    if as_json:
        print_json({"ended": is_ended})
    else:
        say("mail is accepted again" if is_ended else "it was not being drained")


def _wait_empty(configuration: Configuration, seconds: float) -> int:
    """How many messages are left."""
    until = time.monotonic() + seconds
    while True:
        left = int(statistics(configuration.spool_place, time.time())["messages"])
        if not left or time.monotonic() >= until:
            return left
        time.sleep(min(_ASK_SECONDS, max(0.0, until - time.monotonic())))
