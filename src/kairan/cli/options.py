"""Options that many commands share, and how a command is declared."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.cli.output import say

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration; without it $KAIRAN_CONFIG, then ./kairan.toml.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DisplayNameOption = Annotated[str | None, typer.Option(metavar="NAME", help="Its name for people.")]
HiddenOption = Annotated[
    bool | None, typer.Option("--hidden/--listed", help="Whether address lists show it.")
]


def with_option_lists(command: Callable[..., None]) -> Callable[..., None]:
    """A parameter whose default is a dataclass stands for its fields: options, in its place.

    Typer makes options from a function's signature, and has no word for a list of them that
    several commands share.
    """
    parameters = signature(command).parameters.values()
    lists: dict[str, Any] = {
        one.name: one.default for one in parameters if is_dataclass(one.default)
    }

    @wraps(command)
    def called(**values: object) -> None:
        for name, options in lists.items():
            said = {field.name: values.pop(field.name) for field in fields(options)}
            values[name] = replace(options, **said)
        command(**values)

    written_out = [one for parameter in parameters for one in _written_out(parameter)]
    called.__signature__ = signature(command).replace(parameters=written_out)  # type: ignore[attr-defined]
    return called


def _written_out(parameter: Parameter) -> Iterator[Parameter]:
    if not is_dataclass(parameter.default):
        yield parameter
        return
    for field in fields(parameter.default):
        yield Parameter(field.name, parameter.kind, default=field.default, annotation=field.type)


def examples(*lines: str) -> str:
    """For `epilog=`: stands below the help as it is (backspace: do not wrap)."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def help_if_alone(context: typer.Context) -> None:
    """`kairan queue` alone is a question: which commands are there?"""
    if context.invoked_subcommand is None:
        say(context.get_help())


def group_of_commands(about: str, **named: Any) -> typer.Typer:
    """`kairan queue …`: a command with commands below it."""
    app = typer.Typer(
        help=about,
        rich_markup_mode=None,
        invoke_without_command=True,
        add_completion=False,
        **named,
    )
    app.callback()(help_if_alone)
    return app


def one_command() -> typer.Typer:
    """`kairan trace`: for the one `@app.command` of a module."""
    return typer.Typer(rich_markup_mode=None, add_completion=False)
