"""kairan directory: the database behind accounts, mailboxes and groups, and where these come from."""

from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.directory_sources import (
    show_status,
    show_status_examples,
    sync_sources,
    sync_sources_examples,
)
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, say
from kairan.config.backup import check_stopped
from kairan.directory.store import Directory
from kairan.runtime.counted import counted
from kairan.runtime.secret_text import without_login

app = group_of_commands("The directory's database, and the directories it takes people from.")
app.command("sync", epilog=sync_sources_examples)(sync_sources)
app.command("status", epilog=show_status_examples)(show_status)


@app.command(
    "move",
    epilog=examples(
        "kairan directory move postgresql://kairan@db.example.com/kairan",
        "kairan directory move sqlite:////var/lib/kairan/directory.db",
    ),
)
def move(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="An empty database: postgresql:// or sqlite:///.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the directory into another database.

    From SQLite to PostgreSQL or back.  The service must not run meanwhile; the old database stays as it is.  Afterwards write the new one as `url` into [directory].
    """
    configuration = read_configuration(config)
    check_stopped(configuration)
    with (
        Directory.open(configuration.directory_url, migrate=False) as old,
        Directory.open(url) as new,
    ):
        rows = new.take_over(old)
    tell(configuration, "directory.move", to=without_login(url), rows=rows)
    if as_json:
        print_json({"rows": rows})
        return
    say(f"{counted(rows, 'row')} in the new database.  Now write into kairan.toml:")
    say("[directory]")
    say(f'url = "{url}"')
