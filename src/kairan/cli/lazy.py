"""Commands that are imported when they are asked for; until then the table speaks for them."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from kairan.cli.commands import COMMANDS, CommandRow
from kairan.cli.options import group_of_commands


class NotLoaded(TyperCommand):
    """Stands in lists (help, completion, what was probably meant) for a command."""

    def __init__(self, name: str, row: CommandRow) -> None:
        super().__init__(name, help=row.help)
        self.row = row


class LazyGroup(TyperGroup):
    """The tree's root, or a group that is named as the first word of its rows."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        above = "" if self.name == "kairan" else f"{self.name} "
        for words, row in COMMANDS.items():
            name = words.removeprefix(above)
            if words.startswith(above) and " " not in name:
                self.commands[name] = NotLoaded(name, row)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, loaded(command), rest


def loaded(command: Any) -> Any:
    """The command itself."""
    if not isinstance(command, NotLoaded):
        return command
    if command.row.module:
        app = import_module(f"kairan.cli.{command.row.module}").app
    else:
        app = group_of_commands(command.row.help, name=command.name, cls=LazyGroup)
    return typer.main.get_command(app)
