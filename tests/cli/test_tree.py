"""The tree of commands: each is documented, quick to start, and the pages are fresh."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from kairan.cli.app import app
from kairan.cli.commands import COMMANDS
from kairan.cli.reference import FIRST, commands_page, helps, settings_page

DOCS = Path(__file__).parents[2] / "docs"
HELPS = dict(helps(typer.main.get_command(app), "kairan"))
# What an operator types, as the README and other people's scripts rely on it.
CONTRACT = {
    "": "demo init serve check-config trace account mailbox group organisation domain queue",
    "account ": "add set list show remove",
    "mailbox ": "add set list show remove import",
    "group ": "add set list show remove preview members",
    "group members ": "add remove list import",
    "organisation ": "show set",
    "domain ": "add list remove",
    "queue ": "list show retry hold release drop stats",
    "doctor ": "explain device token probe log compare",
}
WITHOUT_JSON = {"kairan demo", "kairan serve"}


LEAVES = [name for name, text in HELPS.items() if "COMMAND [ARGS]" not in text]


@pytest.mark.parametrize("above", CONTRACT)
def test_the_contract_is_kept(above):
    assert {f"kairan {above}{word}" for word in CONTRACT[above].split()} <= set(HELPS)


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_shows_an_example_of_itself(name):
    examples = HELPS[name].partition("Examples:")[2]
    assert f"\n    {name}" in examples


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_json_or_runs_in_the_foreground(name):
    assert ("--json" in HELPS[name].partition("Examples:")[0]) != (name in WITHOUT_JSON)


@pytest.mark.parametrize("name", HELPS)
def test_no_command_takes_a_password_where_ps_would_show_it(name):
    assert "--password " not in HELPS[name]


@pytest.mark.parametrize("name", HELPS)
def test_help_fits_a_terminal_without_cutting_sentences(name):
    listed = HELPS[name].partition("Commands:")[2].partition("Examples:")[0]
    assert "..." not in listed


@pytest.mark.parametrize("words", [[], ["queue"], ["group", "members"]], ids=" ".join)
def test_a_command_with_commands_below_it_shows_them(shell, words):
    assert "Commands:" in shell.done(*words).out


def test_the_page_of_commands_is_fresh():
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == commands_page(), (
        "run: python -m kairan.cli.reference docs"
    )


def test_the_page_of_settings_is_fresh():
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == settings_page(), (
        "run: python -m kairan.cli.reference docs"
    )


def modules_after(*words):
    program = (
        "import sys; from kairan.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: print('\\n', *sorted(sys.modules))"
    )
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, check=True)
    return set(done.stdout.decode().splitlines()[-1].split())


HEAVY = {
    "alembic", "argon2", "asyncio", "bonsai", "cryptography", "dns", "fastapi", "httpx", "jinja2",
    "jwt", "lark", "msal", "pydantic", "rich", "sqlalchemy", "structlog", "uvicorn",
}  # fmt: skip
TYPER = "pydantic"  # it imports that for whatever is below its root


@pytest.mark.parametrize("words", [["--help"], ["doctor", "--help"], ["doctor"]], ids=" ".join)
def test_help_imports_no_command(words):
    """Measured: 0.15 s on a laptop; SQLAlchemy, pydantic and rich alone would be twice that."""
    found = modules_after(*words)
    ours = {name for name in found if name.startswith("kairan.")}
    assert not found & HEAVY - ({TYPER} if "doctor" in words else set())
    assert not {f"kairan.cli.{row.module}" for row in COMMANDS.values()} & ours
    assert {name for name in ours if not name.startswith("kairan.cli")} == {
        "kairan.runtime",
        "kairan.runtime.operator_error",
        "kairan.runtime.visible",
    }


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("queue list --help", {"asyncio"}),
        ("directory sync --help", {"asyncio", "sqlalchemy"}),
        ("trace --help", set()),
    ],
)
def test_the_help_of_a_command_imports_only_what_the_command_itself_needs(words, needed):
    assert modules_after(*words.split()) & HEAVY <= needed | {TYPER}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("directory sync", {"asyncio", "sqlalchemy"}),
        ("trace", set()),
        ("account list", {"argon2", "asyncio", "rich", "sqlalchemy"}),
    ],
)
def test_to_read_the_configuration_imports_nothing_heavy(words, needed, installed):
    found = modules_after(*words.split(), "-c", installed)
    assert "kairan.config.read" in found
    assert found & HEAVY <= needed | {TYPER}


def test_a_command_with_a_directory_in_sqlite_starts_without_what_it_has_no_use_for(installed):
    """PostgreSQL's dialect and PyJWT are a seventh of a command's start."""
    found = modules_after("account", "list", "-c", installed)
    assert "sqlalchemy.dialects.sqlite" in found
    assert not found & {"sqlalchemy.dialects.postgresql", "asyncpg", "jwt"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed") / "k"
    subprocess.run(
        [sys.executable, "-m", "kairan", "init", folder, "--domain", "x.test"], check=True
    )
    return str(folder / "kairan.toml")


@pytest.mark.parametrize("words", COMMANDS)
def test_the_table_says_what_the_command_says_of_itself(words):
    assert COMMANDS[words].help in HELPS[f"kairan {words}"]


def test_a_command_with_a_wrong_name_is_told_the_near_one(shell):
    assert "Did you mean 'queue'?" in shell.refused("quue")
    assert "Did you mean 'explain'?" in shell.refused("doctor", "explian")


def test_completion_knows_the_commands():
    words = {"_KAIRAN_COMPLETE": "complete_bash", "COMP_WORDS": "kairan ma", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("kairan")],
        env=os.environ | words,
        capture_output=True,
        check=False,
    )
    assert done.stdout.split() == [b"mailbox"]


def test_the_version_is_printed(shell):
    assert shell.done("--version").out.startswith("kairan 0.")


def test_the_ten_settings_that_matter_stand_before_all_others():
    assert len(set(FIRST)) == 10
    top = settings_page().partition("\n## `[server]`")[0]
    for section, key in FIRST:
        assert f"| [`{section}`](#" in top
        assert f"| `{key}` |" in top
