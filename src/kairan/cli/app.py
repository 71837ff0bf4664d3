"""The tree of commands."""

from typing import Annotated

import typer

from kairan.cli import (
    account,
    app_registration,
    check_config,
    demo,
    domain,
    group,
    init,
    mailbox,
    organisation,
    policy,
    queue,
    serve,
    session,
    trace,
)
from kairan.cli.doctor import commands as doctor
from kairan.cli.errors import DEBUG_OPTION, Commands
from kairan.cli.options import examples, help_if_alone
from kairan.cli.output import say

app = typer.Typer(
    name="kairan",
    cls=Commands,
    rich_markup_mode=None,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("kairan demo --dir demo", "kairan init && kairan serve"),
)


@app.callback()
def kairan(
    context: typer.Context,
    _debug: Annotated[
        bool, typer.Option(DEBUG_OPTION, help="Show where in the program an error arose.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """High-volume mail inside an organisation: the service and its administration."""
    if version:
        from kairan import __version__

        say(f"kairan {__version__}")
    else:
        help_if_alone(context)


demo.register(app)
init.register(app)
serve.register(app)
check_config.register(app)
app.add_typer(account.app, name="account")
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(group.app, name="group")
app.add_typer(organisation.app, name="organisation")
app.add_typer(domain.app, name="domain")
app.add_typer(policy.app, name="policy")
app.add_typer(app_registration.app, name="app")
app.add_typer(session.app, name="session")
app.add_typer(queue.app, name="queue")
trace.register(app)
app.add_typer(doctor.app, name="doctor")
