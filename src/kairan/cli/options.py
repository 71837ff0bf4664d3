"""Options that many commands share, and the way from -c FILE to what a command works with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kairan.config import Configuration
    from kairan.directory.store import Directory

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration; without it ./kairan.toml, then $KAIRAN_CONFIG.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def read_configuration(config: Path | None) -> "Configuration":
    from kairan.config import load, locate

    return load(locate(config))


def open_directory(config: Path | None) -> "Directory":
    return directory_of(read_configuration(config))


def directory_of(configuration: "Configuration") -> "Directory":
    from kairan.directory.store import Directory

    return Directory.open(configuration.directory_url)


def examples(*lines: str) -> str:
    """For `epilog=`: stands below the help as it is (backspace: do not wrap)."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def help_if_alone(context: typer.Context) -> None:
    """`kairan queue` alone is a question: which commands are there?"""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def group_of_commands(about: str) -> typer.Typer:
    """`kairan queue …`: a command with commands below it."""
    app = typer.Typer(help=about, rich_markup_mode=None, invoke_without_command=True)
    app.callback()(help_if_alone)
    return app
