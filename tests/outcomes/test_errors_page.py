"""docs/errors.md is what the catalogue says today."""

import subprocess
import sys
from pathlib import Path

from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.page import page

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_errors_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `.venv/bin/python -m kairan.outcomes > docs/errors.md`"
    )


def test_page_shows_every_entry_once():
    headings = [line for line in page().splitlines() if line.startswith("### ")]
    assert sorted(heading.rpartition(" ")[2] for heading in headings) == sorted(CATALOGUE)


def test_the_module_prints_the_page():
    printed = subprocess.run(
        [sys.executable, "-m", "kairan.outcomes"], capture_output=True, check=True, encoding="utf-8"
    )
    assert printed.stdout == page()
