"""An installation of one's own for each test, and commands run in it."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.config.installation import Installation, install


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs `kairan …` in one folder, as an operator would."""

    place: Path

    def __call__(self, *words: object, stdin: str = "") -> Answer:
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
        return Answer(result.exit_code, result.stdout, result.stderr)

    def done(self, *words: object, stdin: str = "") -> Answer:
        answer = self(*words, stdin=stdin)
        assert answer.code == 0, answer.err
        return answer

    def refused(self, *words: object, stdin: str = "", code: int = 2) -> str:
        """One sentence, nothing else."""
        answer = self(*words, stdin=stdin)
        assert answer.code == code, answer
        assert answer.out == ""
        assert answer.err.startswith("kairan: ")
        assert answer.err.count("\n") == 1
        return answer.err.removeprefix("kairan: ").rstrip("\n")


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    place = tmp_path_factory.mktemp("template") / "kairan"
    install(
        Installation(place=place, hostname="mail.example.com", domain="example.com", port=2525),
        now=datetime.now(UTC),
    )
    return place


@pytest.fixture
def shell(template, tmp_path, monkeypatch):
    """An empty organisation that accepts example.com."""
    place = tmp_path / "kairan"
    shutil.copytree(template, place)
    monkeypatch.chdir(place)
    monkeypatch.delenv("KAIRAN_CONFIG", raising=False)
    return Shell(place)


@pytest.fixture
def people(shell):
    """akiko, ben and cleo of Sales, Sales and IT; the group sales and, around it, everyone."""
    for name, department in (("akiko", "Sales"), ("ben", "Sales"), ("cleo", "IT")):
        address = f"{name}@example.com"
        shell.done("mailbox", "add", address, "--set", f"department={department}")
    members = ("--member", "akiko@example.com", "--member", "ben@example.com")
    shell.done("group", "add", "sales@example.com", *members)
    inner = ("--member", "sales@example.com", "--member", "ben@example.com")
    shell.done("group", "add", "everyone@example.com", *inner, "--member", "cleo@example.com")
    return shell
