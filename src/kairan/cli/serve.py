"""kairan serve: the service in the foreground, as systemd and containers want it."""

from typing import TYPE_CHECKING

import typer

from kairan.cli.options import ConfigOption, examples, read_configuration
from kairan.cli.output import say

if TYPE_CHECKING:
    from kairan.service import Running


def register(app: typer.Typer) -> None:
    app.command(
        "serve",
        epilog=examples("kairan serve", "kairan serve -c /etc/kairan/kairan.toml"),
    )(serve)


def serve(config: ConfigOption = None) -> None:
    """Run the service in the foreground.

    SIGTERM and SIGINT let running transactions finish; SIGHUP reads the certificate anew.
    """
    from kairan import service
    from kairan.config.environment import check_environment

    configuration = read_configuration(config, as_owner=False)
    check_environment(configuration)
    raise typer.Exit(service.serve(configuration, on_ready=_say_ready))


def _say_ready(running: "Running") -> None:
    doors = ", ".join(f"{door.host}:{port} ({door.role})" for door, port in running.listeners)
    say(f"ready: {doors}; durability={running.durability}", flush=True)
