"""kairan serve: the service in the foreground, as systemd and containers want it."""

import typer

from kairan import service
from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, examples, one_command
from kairan.cli.output import say
from kairan.config.environment import check_environment
from kairan.service import Running

app = one_command()


@app.command(
    "serve",
    epilog=examples("kairan serve", "kairan serve -c /etc/kairan/kairan.toml"),
)
def serve(config: ConfigOption = None) -> None:
    """Run the service in the foreground.

    SIGTERM and SIGINT let running transactions finish; SIGHUP reads the certificate anew.
    """
    configuration = read_configuration(config, as_owner=False)
    check_environment(configuration)
    raise typer.Exit(service.serve(configuration, on_ready=_say_ready))


def _say_ready(running: Running) -> None:
    listeners = ", ".join(
        f"{listener.host}:{port} ({listener.role})" for listener, port in running.listeners
    )
    say(f"ready: {listeners}; durability={running.durability}", flush=True)
