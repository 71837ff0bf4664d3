"""kairan spool: where accepted mail is kept."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, progress, say
from kairan.config.model import Configuration
from kairan.runtime.counted import counted
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.secret_text import without_login
from kairan.spool.moving.shard import ShardSource, ShardTarget
from kairan.spool.moving.steps import Moved, move
from kairan.spool.moving.stored import MoveOrder, MoveTarget
from kairan.spool.place import url_problem

app = group_of_commands("Where accepted mail is kept until it is delivered.")

SQLITE = "sqlite"


class SpoolMoveRequestError(OperatorError):
    """There is nowhere to move from, or to."""


@app.command(
    "move",
    epilog=examples(
        "kairan spool move postgresql://kairan@db.example.com/mail",
        "kairan spool move sqlite",
    ),
)
def move_spool(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help='postgresql://USER@HOST/DATABASE, or "sqlite": the data directory.',
        ),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move what waits into a database, or back.

    From this machine's shards into PostgreSQL, or from the databases of [spool] url into a shard of this machine. No service may run on either. What was copied is counted before it leaves its old place; where it is interrupted, say it again. Afterwards write the new place into [spool].
    """
    configuration = read_configuration(config)
    with progress("moving", total=None) as told:
        moved = _back(configuration, told) if target == SQLITE else _to(configuration, target, told)
    shown = without_login(target)
    for one in moved:
        tell(configuration, "spool.move", source=one.source, to=shown, messages=one.tally.messages)
    if as_json:
        print_json({"target": shown, "moved": [asdict(one) for one in moved]})
        return
    _say(moved, target)


def _to(configuration: Configuration, url: str, told: Callable[[int], None]) -> list[Moved]:
    problem = url_problem(url)
    if problem is not None:
        raise SpoolMoveRequestError(f'"{without_login(url)}" is no target: {problem}, or: sqlite')
    # Here, not above: without a database its driver need not be there.
    from kairan.spool.moving.database import DatabaseTarget  # noqa: PLC0415

    place, settings = configuration.spool_place, configuration.spool
    sources = [ShardSource(place.folder(shard), settings) for shard in place.folders()]
    return move(sources, lambda _: DatabaseTarget(url, settings), without_login(url), told)


def _back(configuration: Configuration, told: Callable[[int], None]) -> list[Moved]:
    place, settings = configuration.spool_place, configuration.spool
    if not settings.urls:
        raise SpoolMoveRequestError(
            "[spool] url names no database to move from; write it there, and say it again"
        )

    # As above.
    from kairan.spool.moving.database import DatabaseSource  # noqa: PLC0415

    def target_of(order: MoveOrder) -> MoveTarget:
        return ShardTarget(place, order, workers=configuration.workers)

    sources = [DatabaseSource(url, settings) for url in settings.urls]
    return move(sources, target_of, SQLITE, told)


def _say(moved: list[Moved], target: str) -> None:
    if not moved:
        say("nothing waits there")
    for one in moved:
        tally = one.tally
        say(
            f"{counted(tally.messages, 'message')} to {counted(tally.recipients, 'recipient')} "
            f"moved from {one.source}; {one.left}"
        )
    if target == SQLITE:
        say("Now remove `url` from [spool] in kairan.toml, and start the service.")
        return
    say("Now write into kairan.toml, and start the service:")
    say("[spool]")
    say(f'url = "{target}"')
