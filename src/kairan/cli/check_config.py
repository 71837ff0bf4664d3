"""kairan check-config: is the file right, and what may stand in it?"""

from dataclasses import replace
from itertools import groupby
from typing import Annotated

import typer

from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json, print_record, say
from kairan.config.check import findings
from kairan.config.explain import Explained, explain
from kairan.config.locate import locate
from kairan.config.model import Configuration
from kairan.config.read import read
from kairan.runtime.operator_error import BAD_INPUT
from kairan.runtime.privileges import act_as_owner_of
from kairan.runtime.secret_text import without_login
from kairan.runtime.visible import visible
from kairan.spool.settings import SpoolSettings

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

    The file, what it names on this machine (certificates, keys, addresses, folders, name servers) and the directory. Each mistake is printed with file and line, and the exit code is 2; what is allowed and yet better known is a warning.
    """
    if explain:
        _print_explanation(as_json=as_json)
        return
    configuration, source = read(locate(config))
    act_as_owner_of(configuration.data_directory)
    found = list(findings(configuration, source))
    for one in found:
        warning = "" if one.is_mistake else "warning: "
        say(f"kairan: {visible(f'{one.place}: {warning}{one.sentence}')}", to_operator=True)
    if any(one.is_mistake for one in found):
        raise typer.Exit(BAD_INPUT)
    configuration = _without_passwords(configuration)
    if as_json:
        print_json(configuration)
    else:
        print_record(f"{configuration.source} is in order", _summary(configuration))


def _without_passwords(configuration: Configuration) -> Configuration:
    """What is printed ends up in tickets."""
    routes = tuple(
        replace(route, to=without_login(route.to)) for route in configuration.delivery.routes
    )
    return replace(
        configuration,
        directory_url=without_login(configuration.directory_url),
        spool=replace(configuration.spool, url=_spool_url(configuration.spool)),
        delivery=replace(configuration.delivery, routes=routes),
        alerts=replace(
            configuration.alerts,
            mail_by=without_login(configuration.alerts.mail_by),
            # Whoever has the address may post there: it is a password as a whole.
            webhook="***" if configuration.alerts.webhook else "",
        ),
    )


def _spool_url(settings: SpoolSettings) -> str | tuple[str, ...] | None:
    if isinstance(settings.url, str):
        return without_login(settings.url)
    return settings.url and tuple(map(without_login, settings.url))


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
