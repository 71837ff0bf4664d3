"""The pages docs/commands.md and docs/settings.md, written from the program itself.

    python -m kairan.cli.reference docs      writes both; a test compares

Terminals differ: the help is printed for one of WIDTH columns.
"""

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from kairan.cli.app import app
from kairan.cli.lazy import loaded
from kairan.config.explain import Explained, explain

WIDTH = 90

_COMMANDS_HEAD = """\
# Commands

What `kairan … --help` prints. Exit codes: 0 done, 1 failed and may succeed later, 2 the input must
change; an error is one sentence on standard error. Written by `python -m kairan.cli.reference docs`.
"""
_SETTINGS_HEAD = """\
# Settings

What may stand in `kairan.toml`, from the comments beside the values in the program's source. The
word `"none"` unsets a setting that may be absent. Paths are relative to the file. Written by
`python -m kairan.cli.reference docs`.
"""

# What most installations decide for themselves, in the order in which they do.
FIRST = (
    ("[server]", "hostname"),
    ("[server]", "data_directory"),
    ("[server]", "user"),
    ("[directory]", "url"),
    ("[tls]", "certificate"),
    ("[[listener]]", "role"),
    ("[[listener]]", "devices"),
    ("[[delivery.routes]]", "to"),
    ("[[auth.issuers]]", "issuer"),
    ("[spool]", "durability"),
)
_FIRST_HEAD = """\
## The ten that matter

`kairan init` writes those that have no good default. Begin here; the others are for when something is not as you want it.
"""


def commands_page() -> str:
    parts = [_COMMANDS_HEAD]
    for name, text in helps(typer.main.get_command(app), "kairan"):
        parts.append(f"## {name}\n\n```\n{text.strip()}\n```\n")
    return "\n".join(parts)


def settings_page() -> str:
    parts = [_SETTINGS_HEAD, "\n".join([_FIRST_HEAD, *_first_table()])]
    by_section = groupby(explain(), key=lambda setting: (setting.section, setting.about))
    for (section, about), settings in by_section:
        parts.append("\n".join([f"## `{section}`", "", *_about(about), *_table(settings)]))
    return "\n".join(parts)


def helps(
    command: Any, name: str, parent: typer.Context | None = None
) -> Iterator[tuple[str, str]]:
    """The command and all below it, each with what its --help prints."""
    word = name.rpartition(" ")[2]
    context = command.make_context(
        word,
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    yield name, command.get_help(context)
    if isinstance(command, TyperGroup):
        for inner_word, inner in command.commands.items():
            yield from helps(loaded(inner), f"{name} {inner_word}", context)


def _about(about: str) -> list[str]:
    return [about.rstrip(".") + ".", ""] if about else []


def _first_table() -> Iterator[str]:
    by_name = {(setting.section, setting.key): setting for setting in explain()}
    yield "| where | key | default | why |"
    yield "|---|---|---|---|"
    for name in FIRST:
        setting = by_name[name]
        section = f"[`{setting.section}`](#{_anchor(setting.section)})"
        yield _row(section, f"`{setting.key}`", f"`{setting.default}`", setting.reason)
    yield ""


def _anchor(section: str) -> str:
    """As viewers of Markdown and MkDocs alike make it of a heading."""
    return re.sub(r"[^\w-]", "", section.lower())


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _table(settings: Iterator[Explained]) -> Iterator[str]:
    yield "| key | default | what it may be | why |"
    yield "|---|---|---|---|"
    before = ""
    for setting in settings:
        reason = setting.reason if setting.reason != before or not before else "as above"
        before = setting.reason
        unit = f" {setting.unit}" if setting.unit else ""
        yield _row(f"`{setting.key}`", f"`{setting.default}`{unit}", setting.kind, reason)
    yield ""


def write(folder: Path) -> None:
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
