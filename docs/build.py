"""The documentation as a site: `make docs`, or `python docs/build.py FOLDER`.

The pages of docs/ and some of the top folder are put side by side, their links written for there;
MkDocs makes the site; then every link and anchor of it is looked at, and every address from which
a browser would load something.  A fault is printed and ends with 1.

`page.md` is English, `page.ja.md` the same in Japanese.  In a source a link means the file that it
names, as on every other viewer of Markdown; in the site a Japanese page that is not there is the
English one with Japanese navigation.
"""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mkdocs.commands.build import build
from mkdocs.config import load_config

TOP = Path(__file__).parents[1]
PAGES = {
    **{page: page.name for page in sorted(TOP.glob("docs/*.md"))},
    TOP / "README.md": "start.md",
    TOP / "README.ja.md": "start.ja.md",
    TOP / "CHANGELOG.md": "changelog.md",
    TOP / "CONTRIBUTING.md": "contributing.md",
    TOP / "SECURITY.md": "security.md",
    TOP / "deploy" / "cluster" / "README.md": "example-cluster.md",
}

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
# What leads a person elsewhere, or tells; from an address in any other attribute a browser may load.
_CLICKED = {("a", "href"), ("meta", "content"), ("svg", "xmlns")}
_TOLD = {"canonical", "alternate", "next", "prev"}  # kinds of `link`
_OF_OTHERS = re.compile(r"(?:https?:)?//[\w.-]+[^\s\"')]*")
_OF_OTHERS_IN_STYLE = re.compile(rf"(?:url\(|@import)\s*[\"']?({_OF_OTHERS.pattern})")


def assemble(into: Path) -> None:
    """The pages and the files to which they link, in one folder."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for page, name in PAGES.items():
        text = page.read_text(encoding="utf-8")
        text = _LINK.sub(partial(_target, page, name, into), text)
        (into / name).write_text(text, encoding="utf-8")


def _target(page: Path, name: str, into: Path, link: re.Match[str]) -> str:
    """Where a link of the page leads in the site."""
    file = (page.parent / unquote(link[1])).resolve()
    if file in PAGES:
        return _between(name, PAGES[file])
    if file.is_file():
        copy = into / file.relative_to(TOP)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        return file.relative_to(TOP).as_posix()
    return link[1]  # MkDocs complains


def _between(here: str, there: str) -> str:
    """Of a page that is there in both languages the site knows one name, and takes its own."""
    plain = there.replace(".ja.md", ".md")
    is_in_both = plain.replace(".md", ".ja.md") in PAGES.values()
    if is_in_both and _language(there) != _language(here):
        return os.path.relpath(_address(there), _address(here)) + "/"
    return plain


def _language(name: str) -> str:
    return "ja" if name.endswith(".ja.md") else "en"


def _address(name: str) -> str:
    stem = name.replace(".ja.md", "").replace(".md", "").replace("index", "")
    return f"/ja/{stem}" if _language(name) == "ja" else f"/{stem}"


def behind() -> Iterator[str]:
    """Japanese pages that have not as many sections as the English ones: to be translated."""
    for page in PAGES:
        japanese = page.with_name(page.name.replace(".md", ".ja.md"))
        missing = _sections(page) - _sections(japanese) if japanese in PAGES else 0
        if missing > 0:
            yield f"{japanese.relative_to(TOP)}: the English page has more sections, {missing}"


def _sections(page: Path) -> int:
    return len(re.findall(r"^##+ ", page.read_text(encoding="utf-8"), re.MULTILINE))


def make_site(pages: Path, site: Path) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")  # why a strict build ends
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # Material's word on its successor, at each build
    config = load_config(
        str(TOP / "mkdocs.yml"), docs_dir=str(pages), site_dir=str(site), strict=True
    )
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    config.plugins.on_shutdown()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()  # to the site itself
        self.loaded: set[str] = set()  # from others
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._is_style = tag == "style"
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        is_told = tag == "link" and set(given.get("rel", "").split()) <= _TOLD
        for name, value in given.items():
            if name in {"href", "src"} and not _is_elsewhere(value):
                self.links.add(value)
            elif not is_told and (tag, name) not in _CLICKED:
                self.loaded |= set(_OF_OTHERS.findall(value))

    def handle_data(self, data: str) -> None:
        if self._is_style:
            self.loaded |= set(_OF_OTHERS_IN_STYLE.findall(data))


def _is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def faults(site: Path) -> Iterator[str]:
    """Links that lead nowhere, and what would be loaded from elsewhere."""
    pages = {file: _read(file) for file in sorted(site.rglob("*.html"))}
    for file, page in pages.items():
        where = file.relative_to(site)
        yield from (f"{where}: loads {address}" for address in sorted(page.loaded))
        for link in sorted(page.links):
            parts = urlsplit(link)
            there = _file_at(site, file, parts.path)
            if not there.is_file():
                yield f"{where}: {link} leads nowhere"
            elif parts.fragment and there in pages and not _is_place(parts.fragment, pages[there]):
                yield f"{where}: {link} names no place of that page"
    for style in sorted(site.rglob("*.css")):
        for address in _OF_OTHERS_IN_STYLE.findall(style.read_text(encoding="utf-8")):
            yield f"{style.relative_to(site)}: loads {address}"


def _is_place(fragment: str, page: _Page) -> bool:
    return unquote(fragment) in page.anchors


def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def _file_at(site: Path, file: Path, path: str) -> Path:
    base = site if path.startswith("/") else file.parent
    there = (base / unquote(path).lstrip("/")).resolve() if path else file
    return there / "index.html" if there.is_dir() else there


def main(folder: Path) -> int:
    pages, site = folder.resolve() / "pages", folder.resolve() / "site"
    assemble(pages)
    make_site(pages, site)
    found = list(faults(site))
    print(*found, sep="\n", end="\n" if found else "")
    for page in behind():
        print(page)
    if not found:
        print(f"{site}: look at it with `python3 -m http.server --directory {site}`")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "build"))
