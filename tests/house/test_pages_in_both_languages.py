"""A page and its translation have the same parts in the same order: what one language has, both have."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAIRS = [
    (page.with_name(page.name.replace(".ja.md", ".md")), page)
    for page in sorted((*TOP.glob("*.ja.md"), *(TOP / "docs").glob("*.ja.md")))
]
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) ", re.MULTILINE)
_PART = re.compile(r"^(#+) |^ *(```)(\w*)|^(\|)(?=[ :-]*-)", re.MULTILINE)


def headings_of(text: str) -> list[str]:
    return _HEADING.findall(_FENCE.sub("", text))


def examples_of(text: str) -> list[str]:
    """The languages of the fenced blocks under each heading, and the tables, in their order."""
    bare = _FENCE.sub(lambda block: block[0].strip().splitlines()[0], text)
    return ["".join(found.groups("")) for found in _PART.finditer(bare)]


def test_the_pages_are_found():
    assert len(PAIRS) > 15


@pytest.mark.parametrize(("english", "japanese"), PAIRS, ids=lambda page: page.name)
def test_both_have_the_same_sections_in_the_same_order(english, japanese):
    found = [headings_of(page.read_text(encoding="utf-8")) for page in (english, japanese)]
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize(("english", "japanese"), PAIRS, ids=lambda page: page.name)
def test_both_have_the_same_examples_and_tables_in_each_section(english, japanese):
    found = [examples_of(page.read_text(encoding="utf-8")) for page in (english, japanese)]
    assert found[0] == found[1]


def test_a_section_that_is_left_out_or_moved_is_noticed():
    text = "# One\n\n## Two\n\n```sh\n# no heading\n```\n\n### Three\n"
    assert headings_of(text) == ["#", "##", "###"]
    assert headings_of(text.replace("### Three\n", "")) != headings_of(text)
    assert examples_of(text) == ["#", "##", "```sh", "###"]
