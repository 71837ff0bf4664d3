"""`make docs`: the documentation as a site in two languages, every link of it checked."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.build import PAGES, behind, faults

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """As `make docs` builds it: strict, and with every link looked at."""
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, TOP / "docs" / "build.py", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def page_of(site, name):
    stem = name.replace(".ja.md", "").replace(".md", "")
    folder = site / "ja" if name.endswith(".ja.md") else site
    return (folder if stem == "index" else folder / stem) / "index.html"


def test_every_page_is_there_in_its_language(site):
    for name in PAGES.values():
        text = page_of(site, name).read_text(encoding="utf-8")
        assert f'<html lang="{"ja" if name.endswith(".ja.md") else "en"}"' in text, name


def test_a_page_without_a_translation_is_there_in_english_among_the_japanese(site):
    assert (site / "ja" / "settings" / "index.html").is_file()


def test_both_languages_are_searched(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert set(index["config"]["lang"]) == {"en", "ja"}
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"settings/", "commands/", "errors/", "ja/"} <= found


SEARCHED = {
    "certificate": "operations/#certificates",
    "5.7.139": "errors/#basic-auth-disabled",
    "証明書": "ja/operations/#証明書",
    "耐久性": "ja/operations/#耐久性",
    "プリンター": "ja/devices/",
    "バックアップ": "ja/operations/#バックアップと復元",
}


@pytest.mark.skipif(not shutil.which("node"), reason="no node, which runs the site's search")
def test_the_search_finds_words_of_both_languages(site):
    script = Path(__file__).with_name("search.js")
    done = subprocess.run(
        ["node", script, site, *SEARCHED], capture_output=True, encoding="utf-8", check=True
    )
    found = json.loads(done.stdout)
    for word, place in SEARCHED.items():
        page = place.partition("#")[0]
        assert any(one.startswith(page) for one in found[word]), (word, found[word])


def test_nothing_is_drawn_by_a_script_of_another_host(site):
    """Material fetches Mermaid, and figures of a repository, from others as soon as a page has one."""
    for file in site.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in text, file
        assert 'data-md-component="source"' not in text, file


def test_japanese_pages_that_lag_behind_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("docs.build.TOP", tmp_path)
    pages = {tmp_path / name: name for name in ("a.md", "a.ja.md", "b.md")}
    monkeypatch.setattr("docs.build.PAGES", pages)
    for page in pages:
        page.write_text("# A\n\n## One\n\n## Two\n", encoding="utf-8")
    assert not list(behind())
    (tmp_path / "a.ja.md").write_text("# A\n\n## One\n", encoding="utf-8")
    assert list(behind()) == ["a.ja.md: the English page has more sections, 1"]


LOADS = [
    '<script src="https://cdn.example/a.js"></script>',
    '<script src="//cdn.example/a.js"></script>',
    '<link rel="stylesheet" href="https://fonts.example/css">',
    '<link rel="preconnect" href="https://fonts.example">',
    '<img src="https://counter.example/1.gif">',
    '<img srcset="https://counter.example/1.gif 2x" src="a.png">',
    '<iframe src="https://video.example/"></iframe>',
    '<video poster="https://video.example/a.png"></video>',
    '<object data="https://video.example/a.svg"></object>',
    '<p style="background: url(https://counter.example/1.gif)">',
    "<style>@import 'https://fonts.example/css';</style>",
]


@pytest.mark.parametrize("html", LOADS)
def test_what_a_browser_would_load_from_another_host_is_a_fault(tmp_path, html):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    assert [fault for fault in faults(tmp_path) if ".example" in fault]


def test_a_style_sheet_that_loads_from_another_host_is_a_fault(tmp_path):
    (tmp_path / "a.css").write_text("p { background: url('//cdn.example/a.png') }")
    assert list(faults(tmp_path)) == ["a.css: loads //cdn.example/a.png"]


@pytest.mark.parametrize("link", ["b.html", "#there", "a/#here", "../up/", "/c/", "a/b/"])
def test_a_link_that_leads_nowhere_is_a_fault(tmp_path, link):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<p id="there">', encoding="utf-8")
    (tmp_path / "index.html").write_text(f'<a id="here" href="{link}">', encoding="utf-8")
    assert len(list(faults(tmp_path))) == 1


@pytest.mark.parametrize("link", ["https://example.com/", "#here", "a/#there", "/a/", "mailto:x@y"])
def test_a_link_that_leads_somewhere_is_none(tmp_path, link):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<p id="there">', encoding="utf-8")
    (tmp_path / "index.html").write_text(f'<a id="here" href="{link}">', encoding="utf-8")
    assert not list(faults(tmp_path))
