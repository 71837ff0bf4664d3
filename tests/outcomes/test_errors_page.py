"""docs/errors.md and docs/errors.ja.md are what the catalogue says today."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.http_api import API_PROBLEMS
from kairan.outcomes.page import page
from kairan.outcomes.scim_endpoint import SCIM_PROBLEMS
from kairan.outcomes.token_endpoint import PROBLEMS

DOCS = Path(__file__).parents[2] / "docs"
LANGUAGES = [("en", "errors.md", []), ("ja", "errors.ja.md", ["ja"])]
KEYS = sorted(
    [*CATALOGUE, *(problem.key for problem in (*PROBLEMS, *SCIM_PROBLEMS, *API_PROBLEMS))]
)


@pytest.mark.parametrize(("language", "name", "words"), LANGUAGES)
def test_errors_page_is_fresh(language, name, words):
    command = " ".join([".venv/bin/python -m kairan.outcomes", *words])
    assert (DOCS / name).read_text(encoding="utf-8") == page(language), (
        f"run `{command} > docs/{name}`"
    )


@pytest.mark.parametrize(("language", "name", "words"), LANGUAGES)
def test_every_entry_has_one_place_whose_name_is_its_key(language, name, words):
    assert sorted(re.findall(r'<a id="([^"]+)"></a>', page(language))) == KEYS


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_table_on_top_leads_from_every_code_to_its_entry(language):
    top = page(language).partition('<a id="')[0]
    rows = re.findall(r"^\| `(\d{3}) ([\d.]+)` \| \[([\w-]+)\]\(#([\w-]+)\) \|", top, re.MULTILINE)
    assert rows == sorted(rows, key=lambda row: row[:2])
    assert {(key, place, code, enhanced) for code, enhanced, key, place in rows} == {
        (key, key, str(outcome.code), outcome.enhanced) for key, outcome in CATALOGUE.items()
    }


def test_an_english_page_has_no_japanese_and_a_japanese_one_no_causes_in_english():
    english = page("en").replace("[日本語]", "")
    assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", english)
    japanese = page("ja")
    for outcome in CATALOGUE.values():
        assert all(text.ja in japanese for text in (*outcome.causes, *outcome.remedies))
        assert all(text.en not in japanese for text in outcome.causes), outcome.key


def test_no_key_of_the_issuer_is_one_of_the_catalogue():
    assert len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize(("language", "name", "words"), LANGUAGES)
def test_the_module_prints_the_page(language, name, words):
    printed = subprocess.run(
        [sys.executable, "-m", "kairan.outcomes", *words],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert printed.stdout == page(language)
