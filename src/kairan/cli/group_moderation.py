"""kairan group moderation: messages that wait for a moderator of their group."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kairan.cli.directory import open_directory
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_table, say
from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.model import ModerationRequest
from kairan.directory.operations.moderation import (
    APPROVE,
    REJECT,
    STATE_OF_DECISION,
    RequestState,
    state_of,
)
from kairan.trace.commands import by_whom

app = group_of_commands("Messages that wait for a moderator of their group.")

RequestArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As `list` shows it.", show_default=False)
]


@app.command(
    "list",
    epilog=examples("kairan group moderation list", "kairan group moderation list --all --json"),
)
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was decided or has expired, for 30 days.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the messages that wait for a moderator."""
    now = time.time()
    with open_directory(config) as directory:
        found = directory.moderation.everything()
    records = [_record(one, now) for one in found]
    if not everything:
        records = [one for one in records if one["state"] == RequestState.WAITING]
    if as_json:
        print_json_list(records)
        return
    columns = ("id", "group", "from", "until", "state", "by")
    print_table(
        columns,
        ([one[name] for name in columns] for one in records),
        nothing="no message waits for a moderator",
    )


@app.command("approve", epilog=examples("kairan group moderation approve mfrggzdfmztwq2lk"))
def approve(
    request: RequestArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Let a message go to the members.

    The service sees it within seconds.
    """
    _decide(request, APPROVE, config, as_json=as_json)


@app.command("reject", epilog=examples("kairan group moderation reject mfrggzdfmztwq2lk"))
def reject(
    request: RequestArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Send a message back to its sender, with a report.

    The service sees it within seconds.
    """
    _decide(request, REJECT, config, as_json=as_json)


def _decide(request: str, decision: str, config: ConfigOption, *, as_json: bool) -> None:
    now = time.time()
    with open_directory(config) as directory:
        try:
            decided = directory.moderation.decide(request.lower(), decision, by=by_whom(), now=now)
        except DirectoryUnavailableError:
            raise
        except DirectoryError as error:
            raise BadInputError(f"{error}; `kairan group moderation list` shows them") from error
    if as_json:
        print_json(_record(decided, now))
    else:
        say(f"{decided.id}: {STATE_OF_DECISION[decision]}")


def _record(request: ModerationRequest, now: float) -> dict[str, Any]:
    return {
        "id": request.id,
        "group": request.group,
        "from": request.sender,
        "message_id": request.message_id,
        "size": request.size,
        "moderators": list(request.moderators),
        "arrived": _moment(request.arrived),
        "until": _moment(request.expires),
        "state": str(state_of(request, now)),
        "by": request.decided_by,
        "decided": _moment(request.decided) if request.decided else "",
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
