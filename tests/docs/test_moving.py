"""The files that docs/moving.md has people bring along are read as they are."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.config.installation import Installation, install

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ["accounts.csv", "people.csv", "all-hands.csv"]
BLOCK = re.compile(r"^ *```csv\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["moving.md", "moving.ja.md"])
def test_accounts_people_and_members_come_in(tmp_path, page):
    configuration = install(
        Installation(tmp_path / "k", hostname="mail.example.com", domain="example.com"),
        now=datetime.now(UTC),
    )
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    for name, block in zip(NAMES, blocks, strict=True):
        text = re.sub(r"^ +", "", block, flags=re.MULTILINE)
        # As Export-Csv -Encoding utf8 of Windows PowerShell writes it.
        (tmp_path / name).write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    accounts, people, members = (str(tmp_path / name) for name in NAMES)
    run = CliRunner().invoke
    for words in (
        ["account", "import", accounts, "--generate"],
        ["mailbox", "import", people],
        ["group", "add", "all-hands@example.com", "--accept-from", "payroll@example.com"],
        ["group", "members", "import", "all-hands@example.com", members],
    ):
        done = run(app, [*words, "-c", str(configuration)])
        assert done.exit_code == 0, done.output
    shown = run(app, ["account", "export", "-c", str(configuration)]).output
    assert "fax@example.com;scanner@example.com" in shown
    assert "5f3c2a11-0000-4000-8000-000000000001" in shown
    assert (
        "ben@example.com"
        in run(
            app, ["group", "members", "list", "all-hands@example.com", "-c", str(configuration)]
        ).output
    )
