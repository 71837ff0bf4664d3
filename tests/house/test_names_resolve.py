"""A name of ours that a docstring or a page speaks of is there.

Looked at is what stands in back-ticks and reads as a name: a file, `package.module.name`,
`Class.method`, a single word.  A word that could be one of English or SMTP must be a name of the
docstring's own package, and is left alone on a page.  In a docstring also a file without back-ticks,
and what an indented example calls.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src" / "kairan"
MODULES = sorted(SOURCE.rglob("*.py"))
PAGES = sorted({*TOP.glob("docs/*.md"), *TOP.glob("*.md")} - {TOP / "CHANGELOG.md"})

IN_TICKS = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FILE = re.compile(r"[\w./-]+\.(?:py|md|c|mako|service)")
MODULE = re.compile(r"(?<![\w./-])(?:\w+/)*\w+\.py\b")
CALLED = re.compile(r"(?<![\w.])([A-Z]\w*)\((?!…)")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
# A name by its look: nobody takes it for a word of English or SMTP.
LOOKS = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+|[a-z_]+_[a-z0-9_]+|\w+\(\)")


# Names of others.  The changelog speaks of what was, and is not looked at.
FOREIGN = {
    *(
        "ps",
        "pg_dump",
        "virtual_alias_maps",
        "executemany",
        "uv__emfile_trick",
        "start_tls",
        "max_ready",
        "_exit",
        "MemoryBIO",
    ),
    # Settings of Postfix and a property of Exchange, from which people move here.
    *("always_bcc", "header_checks", "maximal_queue_lifetime", "relay_domains", "transport_maps"),
    *("relay_recipient_maps", "smtpd_sender_login_maps", "RecipientFilter"),
    *("x5u", "jku", "x5c", "iss"),  # fields of a JWT (RFC 7515 section 4.1, 7519)
    *("TLSv1", "SSLv3"),  # as devices write them
    "kairan",
    *keyword.kwlist,
    "test_a_second_author_is_refused",  # CONTRIBUTING's example
}


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Also the keys and events that stand in strings; docstrings do not prove themselves."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.arg():
                yield node.arg
            case ast.keyword(arg=str() as name):
                yield name
            case ast.alias():
                yield from (node.asname or node.name).split(".")
            case ast.Constant(value=str() as text) if id(node) not in docs:
                yield from re.findall(r"[A-Za-z_]\w+", text) if len(text) < 2_000 else ()


@cache
def all_names() -> frozenset[str]:
    modules = [*MODULES, *(TOP / "bench").rglob("*.py"), *(TOP / "tests").rglob("*.py")]
    names = {
        name for module in modules if module.is_file() for name in identifiers(tree_of(module))
    }
    parts = {part for m in MODULES for part in m.relative_to(SOURCE).with_suffix("").parts}
    return frozenset(names | parts | set(dir(builtins)) | {"kairan"})


@cache
def names_of_package(package: str) -> frozenset[str]:
    modules = [m for m in MODULES if m.relative_to(SOURCE).parts[0].removesuffix(".py") == package]
    parts = {part for m in modules for part in m.relative_to(SOURCE).with_suffix("").parts}
    return frozenset({name for m in modules for name in identifiers(tree_of(m))} | parts)


@cache
def members() -> dict[str, set[str]]:
    """By class and by module (its last name) what may stand behind its dot."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        tree = tree_of(module)
        path = module.relative_to(SOURCE)
        name = path.parent.name if path.name == "__init__.py" else path.stem
        inside = {n for node in tree.body for n in top_names(node)}
        if path.name == "__init__.py":
            inside |= {p.stem if p.suffix else p.name for p in module.parent.iterdir()}
        found.setdefault(name, set()).update(inside)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {n for base in node.bases for n in identifiers(base)}
                own = {n for inner in node.body for n in identifiers(inner)}
                found.setdefault(node.name, set()).update(own | {f"<{base}" for base in bases})
    return found


def top_names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign():
            yield from (n for target in node.targets for n in identifiers(target))
        case ast.AnnAssign():
            yield from identifiers(node.target)
        case ast.ImportFrom() | ast.Import():
            yield from (a.asname or a.name.split(".")[0] for a in node.names)


def has_member(owner: str, name: str) -> bool:
    inside = members()[owner]
    bases = [one[1:] for one in inside if one.startswith("<")]
    return name in inside or any(
        base not in members() or has_member(base, name) for base in bases if base != "Protocol"
    )


def is_file(name: str, near: Path) -> bool:
    places = (
        TOP,
        SOURCE,
        TOP / "tests",
        TOP / "docs",
        *[p for p in near.parents if TOP in p.parents],
    )
    if any((place / name).exists() for place in places):
        return True
    return "/" not in name and any(SOURCE.rglob(name))


def missing(token: str, near: Path, package: str = "") -> bool:
    """`package`: of the docstring in which it stands."""
    if FILE.fullmatch(token):
        return not is_file(token, near)
    if not NAME.fullmatch(token):
        return False
    names = token.removesuffix("()").removeprefix("kairan.").split(".")
    if len(names) > 1:
        return not all(_follows(a, b) for a, b in pairwise(names))
    if {names[0]} & (FOREIGN | members().keys()):
        return False
    if LOOKS.fullmatch(token):
        return names[0] not in all_names()
    return bool(package) and names[0] not in names_of_package(package)


def _follows(owner: str, name: str) -> bool:
    """After a class or module its own; after another word (`directory.apps`) any name."""
    if owner in members() and has_member(owner, name):
        return True
    is_class = owner[0].isupper() and owner in members()
    return not is_class and name in all_names() | FOREIGN


def docstrings(module: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree_of(module)):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(SOURCE).as_posix())
def test_docstrings_name_what_is_there(module):
    package = module.relative_to(SOURCE).parts[0].removesuffix(".py")
    tokens = {token for text in docstrings(module) for token in IN_TICKS.findall(text)}
    files = {file for text in docstrings(module) for file in MODULE.findall(text)}
    assert not {token for token in tokens | files if missing(token, module, package)}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(SOURCE).as_posix())
def test_examples_in_docstrings_call_what_is_there(module):
    package = module.relative_to(SOURCE).parts[0].removesuffix(".py")
    lines = [line for text in docstrings(module) for line in text.splitlines()]
    called = {name for line in lines if line.startswith("    ") for name in CALLED.findall(line)}
    assert not called - names_of_package(package)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_name_what_is_there(page):
    tokens = set(IN_TICKS.findall(page.read_text(encoding="utf-8")))
    assert not {token for token in tokens if missing(token, page)}
