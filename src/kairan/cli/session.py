"""kairan session: who is connected now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_json_list, print_table, say
from kairan.config.model import Configuration
from kairan.intake.control import ask_workers
from kairan.runtime.counted import counted

app = group_of_commands("Sessions that clients hold now.")

AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="ADDRESS", help="Those of this account.")
]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="IP", help="Those that come from this address.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="The one with this id, as in the log.")
]


@app.command(
    "list",
    epilog=examples("kairan session list", "kairan session list --account erp@example.com --json"),
)
def list_(
    account: AccountOption = None,
    address: AddressOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sessions that are held.

    Who holds them, from where, since when, and how many messages they have sent.
    """
    configuration = read_configuration(config)
    wanted = _wanted(configuration, account=account, address=address)
    sessions = _asked(configuration, "list", wanted)
    if as_json:
        print_json_list(sessions)
        return
    columns = ("id", "account", "address", "listener", "since", "messages")
    print_table(
        columns,
        ([one[column] for column in columns] for one in sessions),
        nothing="no session is held",
    )


@app.command(
    "end",
    epilog=examples(
        "kairan session end --account erp@example.com",
        "kairan session end --address 192.0.2.7 --json",
        "kairan session end --id 08DE2A1B3C4D5E6F",
    ),
)
def end(
    account: AccountOption = None,
    address: AddressOption = None,
    session_id: IdOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End sessions at once.

    What they have been told 250 for is delivered; a message that is still being sent is not taken. They may log in again: to keep an account out, disable it or change its password, which ends its sessions too.
    """
    configuration = read_configuration(config)
    wanted = _wanted(configuration, account=account, address=address, id=session_id)
    if not wanted:
        raise BadInputError("name the sessions to end: --account, --address or --id")
    ended = _asked(configuration, "end", wanted)
    tell(configuration, "session.end", wanted=wanted, ended=len(ended))
    if as_json:
        print_json({"ended": len(ended), "sessions": ended})
    else:
        say(f"{counted(len(ended), 'session')} ended")


def _wanted(configuration: Configuration, **options: str | None) -> dict[str, str]:
    wanted = {name: value for name, value in options.items() if value is not None}
    if "account" in wanted:
        # SQLAlchemy takes twice as long as all else here, and most questions name no account.
        from kairan.cli.directory import directory_of  # noqa: PLC0415 - see above

        with directory_of(configuration) as directory:
            found = directory.account(wanted["account"])
        # One that has been removed may still hold sessions.
        wanted["account"] = found.address if found else wanted["account"].lower()
    return wanted


def _asked(
    configuration: Configuration, what: str, wanted: dict[str, str]
) -> Sequence[dict[str, Any]]:
    folder: Path = configuration.control_directory
    sessions = sorted(ask_workers(folder, what, wanted), key=lambda one: one["since"])
    return [{**one, "since": _moment(one["since"])} for one in sessions]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
