"""The words of docs/glossary.md: one for each thing, in order, and none that it has replaced."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src" / "kairan"
GLOSSARY = TOP / "docs" / "glossary.md"
# What others read beside the package: the benchmark, and what every test stands on.
MODULES = sorted(
    path for place in (SOURCE, TOP / "bench", TOP / "tests" / "kit") for path in place.rglob("*.py")
)
# The changelog speaks of what was.
PAGES = sorted({*TOP.glob("docs/*.md"), TOP / "README.md", TOP / "CONTRIBUTING.md"})

# What a word was called, and what it is called now.  In identifiers, docstrings and docs/.
FORBIDDEN = {
    "ballast": "reserve file",
    "chip": "batch",
    "chips": "batches",
    "court": "token context",
    "dice": "rng",
    "door": "listener",
    "doors": "listeners",
    "rooms": "packages",
    "settle": "disposition",
    "settlement": "disposition",
    "settling": "disposition",
    "sick": "unhealthy",
    "swallow": "discard",
    "swallowed": "discarded",
    "turnstile": "handshake queue",
}
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def spoken(module: Path) -> Iterator[str]:
    """Names that are given in a module, and its docstrings."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
                yield ast.get_docstring(node) or ""
            case ast.Module():
                yield ast.get_docstring(node) or ""
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def words_in(texts: Iterator[str]) -> set[str]:
    return {word.lower() for text in texts for word in WORDS.findall(text)}


@pytest.mark.parametrize(
    "module",
    MODULES,
    ids=lambda module: module.relative_to(TOP).as_posix(),
)
def test_code_uses_the_words_of_the_glossary(module):
    path = " ".join(module.relative_to(TOP).with_suffix("").parts)
    found = words_in(iter([path, *spoken(module)])) & FORBIDDEN.keys()
    assert not {f"{word}: say {FORBIDDEN[word]}" for word in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_the_words_of_the_glossary(page):
    found = words_in(iter([page.read_text(encoding="utf-8")])) & FORBIDDEN.keys()
    assert not {f"{word}: say {FORBIDDEN[word]}" for word in found}


def rows() -> list[str]:
    return re.findall(
        r"^\| ([^|]+) \| [^|]+ \| [^|]*\|$", GLOSSARY.read_text("utf-8"), re.MULTILINE
    )


def test_the_glossary_is_in_order_and_says_each_word_once():
    words = [word for word in rows() if word not in {"word", "---"}]
    assert len(words) > 40
    assert words == sorted(set(words), key=str.lower)


def test_the_glossary_lists_no_word_that_it_has_replaced():
    assert not {word for row in rows() for word in re.findall(r"\w+", row)} & FORBIDDEN.keys()


def test_an_old_word_would_be_noticed_in_whatever_case():
    source = 'class RoomList:\n    """Of all Rooms."""\n    def open_rooms(self, _rooms): ...\n'
    named = {
        word for text in ("RoomList", "open_rooms", "ROOMS_MAX") for word in WORDS.findall(text)
    }
    assert {word.lower() for word in named} == {"room", "list", "open", "rooms", "max"}
    assert "rooms" in words_in(iter([source]))
