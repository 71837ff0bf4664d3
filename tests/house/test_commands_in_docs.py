"""Every `kairan …` that the pages and the remedies name is a command with these options."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from kairan.cli.app import app
from kairan.cli.lazy import loaded
from kairan.outcomes.catalogue import CATALOGUE

TOP = Path(__file__).parents[2]
PAGES = [*TOP.glob("*.md"), *TOP.glob("docs/*.md")]

INLINE = re.compile(r"`(kairan [^`]+)`")
IN_BLOCK = re.compile(r"^(?:    |\$ )?(?:\.venv/bin/)?(kairan .+)$", re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```|(?:^    .+\n)+", re.MULTILINE | re.DOTALL)


def commands_in(text):
    """Those written out; `kairan … --help` speaks of many."""
    found = INLINE.findall(text)
    for block in BLOCK.finditer(text):
        found += IN_BLOCK.findall(block.group(0))
    return [command for command in found if "…" not in command]


def named_commands():
    for page in PAGES:
        for command in commands_in(page.read_text(encoding="utf-8")):
            yield page.name, command
    for outcome in CATALOGUE.values():
        for remedy in outcome.remedies:
            for command in commands_in(remedy.en):
                yield outcome.key, command


def fault_of(line):
    """What is wrong with a command line, or None."""
    here = typer.main.get_command(app)
    for word in shlex.split(line, comments=True)[1:]:
        if here.context_settings.get("ignore_unknown_options"):  # it reads its words itself
            return None
        if word.startswith("-"):
            known = {name for p in here.params for name in (*p.opts, *p.secondary_opts)}
            known |= {"--help", "-h"}
            if word.partition("=")[0] not in known:
                return f"{here.name} has no option {word}"
        elif isinstance(here, click.Group) or hasattr(here, "commands"):
            if word not in here.commands:
                return f"{here.name} has no command {word}"
            here = loaded(here.commands[word])
    return None


@pytest.mark.parametrize(("where", "line"), sorted(set(named_commands())))
def test_it_exists(where, line):
    assert fault_of(line) is None, f"{where}: {line}"


def test_a_command_that_does_not_exist_is_noticed():
    assert fault_of("kairan queue fly")
    assert fault_of("kairan serve --backwards")
    assert not fault_of("kairan serve -c kairan.toml  # a remark")
