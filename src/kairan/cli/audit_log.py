"""kairan audit: who changed what, by command, console or API; who logged in."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json_list, print_table
from kairan.cli.times import read_time
from kairan.trace.audit_search import AuditWanted, actor_of, facts_of, search_audit

app = one_command()


@app.command(
    "audit",
    epilog=examples(
        "kairan audit",
        "kairan audit --about payroll@example.com --since 30d",
        "kairan audit --what group. --json",
        "kairan audit --logins --word 192.0.2.7",
    ),
)
def audit(
    since: Annotated[
        str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
    ] = "7d",
    until: Annotated[str, typer.Option(metavar="TIME", help="The same.")] = "",
    what: Annotated[
        str, typer.Option(metavar="NAME", help="What was done, or how that begins: group., app.")
    ] = "",
    about: Annotated[
        str, typer.Option(metavar="NAME", help="The account, group, app … that was changed.")
    ] = "",
    word: Annotated[
        str, typer.Option(metavar="TEXT", help="Stands anywhere in the line: a user, an address.")
    ] = "",
    logins: Annotated[
        bool, typer.Option("--logins", help="Also who logged in to send, and who got tokens.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="The latest so many.")
    ] = 100,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what: by command, console or API.

    The latest last. What was before and after stands in the last column; passwords and secrets are in no line.
    """
    now = datetime.now(UTC)
    wanted = AuditWanted(
        since=read_time(since, now) if since else None,
        until=read_time(until, now) if until else None,
        what=what,
        about=about,
        word=word,
        logins=logins,
    )
    found = search_audit(read_configuration(config).audit_directory, wanted, limit=limit)
    if as_json:
        print_json_list(found)
        return
    print_table(
        ("time", "what", "about", "by", "facts"),
        ([*(str(one.get(name, "")) for name in ("time", "what", "about")), actor_of(one), facts_of(one)] for one in found),
        nothing="nothing of this kind is in the audit; see --since",
    )  # fmt: skip
