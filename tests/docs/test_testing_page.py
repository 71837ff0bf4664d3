"""What docs/testing.md shows works as it stands there, in both languages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(page):
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["testing.md", "testing.ja.md"])
def test_every_example_is_python(page):
    found = examples(page)
    assert len(found) == 4
    for text in found:
        compile(text, page, "exec")


def test_both_languages_show_the_same_program():
    shown = [
        [re.sub(r" *#.*", "", text) for text in examples(page)]
        for page in ("testing.md", "testing.ja.md")
    ]
    assert shown[0] == shown[1]


def test_the_first_two_examples_are_tests_that_pass(tmp_path):
    for number in (0, 1):
        text = examples("testing.md")[number]
        (tmp_path / f"test_invoice_{number}.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
