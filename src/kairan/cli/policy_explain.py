"""kairan policy explain: which control allows or blocks an account, and why."""

from typing import Annotated

import typer

from kairan.auth.explained import explained_logins
from kairan.cli.directory import existing_account, open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_table

EPILOG = examples("kairan policy explain printer@example.com --json")


def explain(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="One of its addresses.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which control allows or blocks an account for each role, and why.

    The controls are asked in this order, before a password or token is looked at; the first that blocks answers.
    """
    with open_directory(config) as directory:
        found = existing_account(directory, account)
        organisation = directory.organisation()
    records = list(explained_logins(found, organisation))
    if as_json:
        print_json({"account": found.address, "verdicts": records})
        return
    print_table(
        ("role", "mechanism", "allowed", "decided by", "why", "reply"),
        (
            [record[name] for name in ("role", "mechanism", "allowed", "control", "why", "reply")]
            for record in records
        ),
        nothing="",
    )
