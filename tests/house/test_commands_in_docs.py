"""Every `kairan …` that the pages and the remedies name is a command, and its words are read.

Looked at are back-ticks and blocks of shell, in both languages: behind a prompt, `sudo`, variables and
pipes, too.  What stands for something (ADDRESS, CODE, `…`) is taken for what it stands for.
"""

import re
import shlex
from pathlib import Path

import pytest
import typer

from kairan.cli.app import app
from kairan.cli.lazy import loaded
from kairan.outcomes.catalogue import CATALOGUE

TOP = Path(__file__).parents[2]
PAGES = [*TOP.glob("*.md"), *TOP.glob("docs/*.md")]

INLINE = re.compile(r"`((?:\.venv/bin/)?kairan [^`]+)`")
BLOCK = re.compile(
    r"^ *```(?:sh|console|bash)?\n(.*?)^ *```|(?:^    .+\n)+", re.MULTILINE | re.DOTALL
)
# At the beginning of its line, or behind a prompt, sudo, a variable or another command's pipe.
IN_BLOCK = re.compile(
    r"(?:^ *|^[^#\n]*?(?:\$ |sudo |=\S+ |[|(;&] ?))((?:\.venv/bin/)?kairan [^\n]+)$", re.MULTILINE
)
# Where another command, or the output, begins.
AFTER = re.compile(r" [|<>&]| 2>|;|\)$")
SUBSTITUTED = re.compile(r"\$\([^)]*\)")
USAGE_ERROR = typer.BadParameter.__base__
NUMBERS = {"N", "P", "SECONDS"}


def commands_in(text):
    """Those written out; `kairan … --help` speaks of many."""
    found = INLINE.findall(text)
    for block in BLOCK.finditer(text):
        found += IN_BLOCK.findall(block.group(0))
    return [
        command.removeprefix(".venv/bin/") for command in found if "…" not in command.split("#")[0]
    ]


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
    words = words_of(line)
    while hasattr(here, "commands"):
        if not words:
            return None  # the page speaks of all of them
        if words[0].startswith("-"):
            break
        if words[0] not in here.commands:
            return f"{here.name} has no command {words[0]}"
        here = loaded(here.commands[words.pop(0)])
    return fault_of_words(here, words)


def words_of(line):
    line = SUBSTITUTED.sub("x", line)
    line = line[: found.start()] if (found := outside_quotes(AFTER, line)) else line
    return ["1" if word in NUMBERS else word for word in shlex.split(line, comments=True)[1:]]


def outside_quotes(pattern, line):
    """The first match that does not begin within quotes."""
    for found in pattern.finditer(line):
        before = line[: found.start()]
        if before.count("'") % 2 == 0 and before.count('"') % 2 == 0:
            return found
    return None


def fault_of_words(command, words):
    """As the command itself reads them, but for files, which need not be here."""
    if not words or {"--help", "-h", "--version"} & set(words):
        return None  # the page names the command
    context = command.context_class(command, info_name=command.name, **command.context_settings)
    try:
        values, rest, _ = command.make_parser(context).parse_args(args=list(words))
        if rest and not command.allow_extra_args:
            return f"{command.name} takes no {rest[0]}"
        for parameter in command.params:
            if values.get(parameter.name):
                parameter.process_value(context, values[parameter.name])
    except USAGE_ERROR as error:
        sentence = error.format_message()
        return None if "does not exist" in sentence else sentence
    return None


@pytest.mark.parametrize(("where", "line"), sorted(set(named_commands())))
def test_it_exists(where, line):
    assert fault_of(line) is None, f"{where}: {line}"


def test_a_command_that_does_not_exist_is_noticed():
    assert fault_of("kairan queue fly")
    assert fault_of("kairan serve --backwards")
    assert fault_of("kairan serve --backwards  # …")
    assert fault_of("kairan queue list --to")
    assert fault_of("kairan queue pause --route example.com everything")
    assert fault_of("kairan drain begin --wait soon")
    assert fault_of("kairan status; kairan serve") is None
    assert not fault_of("kairan serve -c kairan.toml  # a remark")


@pytest.mark.parametrize(
    "text",
    [
        "`kairan queue fly`",
        "```sh\nkairan queue fly\n```\n",
        "1. So:\n\n    ```sh\n    kairan queue fly\n    ```\n",
        "```console\n$ sudo kairan queue fly\n```\n",
        "```sh\nKAIRAN_CONFIG=a kairan queue fly\n```\n",
        "```sh\njournalctl -u kairan | kairan queue fly -\n```\n",
        "    .venv/bin/kairan queue fly\n",
        "```sh\nkairan queue fly        # a remark …\n```\n",
    ],
)
def test_it_is_found_wherever_it_stands(text):
    [fault] = [fault_of(command) for command in commands_in(text)]
    assert fault.endswith("has no command fly")


def test_what_the_shell_reads_is_not_the_commands():
    assert words_of("kairan account import a.csv --generate > passwords.csv") == [
        *("account", "import", "a.csv", "--generate"),
    ]
    assert words_of("kairan doctor explain '250 > 1' | cat") == ["doctor", "explain", "250 > 1"]


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_a_block_of_the_front_page_can_be_typed_in_a_checkout(name):
    text = (TOP / name).read_text(encoding="utf-8")
    found = [found for block in BLOCK.finditer(text) for found in IN_BLOCK.findall(block.group(0))]
    assert found
    assert not [command for command in found if not command.startswith(".venv/bin/")]
