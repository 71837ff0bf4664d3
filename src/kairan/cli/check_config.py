"""kairan check-config: is the file right, and what may stand in it?"""

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json, print_record, say
from kairan.config.environment import check_environment
from kairan.config.explain import Explained, explain
from kairan.config.model import Configuration
from kairan.config.warnings import warnings_of
from kairan.directory.errors import DirectoryError
from kairan.directory.store import Directory
from kairan.runtime.secret_text import without_login

app = one_command()


@app.command(
    "check-config",
    epilog=examples(
        "kairan check-config",
        "kairan check-config -c /etc/kairan/kairan.toml --json",
        "kairan check-config --explain",
    ),
)
def check_config(
    config: ConfigOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print every setting, its default and its reason.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration.

    Certificate, data directory and routes are looked at too.  The first mistake is printed with file and line, and the exit code is 2.
    """
    if explain:
        _print_explanation(as_json=as_json)
        return
    configuration = read_configuration(config)
    check_environment(configuration)
    _check_postmaster(configuration)
    for warning in warnings_of(configuration):
        say(f"warning: {warning}", to_operator=True)
    configuration = _without_passwords(configuration)
    if as_json:
        print_json(configuration)
    else:
        print_record(f"{configuration.source} is in order", _summary(configuration))


def _check_postmaster(configuration: Configuration) -> None:
    """Where there is none, reports are lost; the service starts all the same, and warns.

    Asked of a directory that is there and answers: one that is not, the start makes or names.
    """
    file = configuration.directory_url.removeprefix("sqlite:///")
    if file != configuration.directory_url and not Path(file).exists():
        return
    try:
        with Directory.open(configuration.directory_url, migrate=False) as directory:
            problem = directory.postmaster_problem()
    except DirectoryError:
        return
    if problem:
        raise BadInputError(problem)


def _without_passwords(configuration: Configuration) -> Configuration:
    """What is printed ends up in tickets."""
    routes = tuple(
        replace(route, to=without_login(route.to)) for route in configuration.delivery.routes
    )
    return replace(
        configuration,
        directory_url=without_login(configuration.directory_url),
        delivery=replace(configuration.delivery, routes=routes),
    )


def _summary(configuration: Configuration) -> dict[str, object]:
    return {
        "hostname": configuration.hostname,
        "data": configuration.data_directory,
        "directory": configuration.directory_url,
        "workers": configuration.workers,
        "durability": configuration.spool.durability,
        "listeners": [
            f"{listener.host}:{listener.port} {listener.role} {listener.tls}"
            for listener in configuration.listeners
        ],
        "routes": [f"{route.pattern} -> {route.to}" for route in configuration.delivery.routes],
    }


def _print_explanation(*, as_json: bool) -> None:
    if as_json:
        print_json(list(explain()))
        return
    say("\n".join(explanation_lines(list(explain()))))


def explanation_lines(settings: list[Explained]) -> list[str]:
    """As it would stand in kairan.toml, each key commented out with its default."""
    lines: list[str] = []
    for section, keys in groupby(settings, key=lambda setting: (setting.section, setting.about)):
        lines += ["", section[0] + (f"  # {section[1]}" if section[1] else "")]
        before = ""
        for setting in keys:
            reason = setting.reason if setting.reason != before else "as above"
            before = setting.reason
            unit = f" {setting.unit}" if setting.unit else ""
            lines += [f"# {setting.key} = {setting.default}{unit}", f"#     {setting.kind}"]
            lines += [f"#     {reason}"] if reason else []
    return lines[1:]
