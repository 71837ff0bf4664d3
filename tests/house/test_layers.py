"""Imports point down."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.layers import APART, LAYERS

SOURCE = Path(__file__).parents[2] / "src" / "kairan"
LINE_OF = {package: line for line, packages in enumerate(LAYERS) for package in packages}
MODULES = sorted(SOURCE.rglob("*.py"))


def package_of(module: Path) -> str:
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


# `kairan/__init__.py` names the library's three classes, imported when asked for;
# `kairan/__main__.py` only calls the command.
ENTRANCES = {"__init__": {"sender"}, "__main__": {"cli"}}


def packages() -> set[str]:
    return {package_of(module) for module in MODULES} - set(ENTRANCES)


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Full names, late imports too: `from kairan.spool import x` gives kairan.spool.x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages_imported_by(module: Path) -> set[str]:
    names = imported_names(ast.parse(module.read_text(encoding="utf-8")))
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == "kairan" and len(part) > 1} & set(LINE_OF)


def test_every_package_has_its_place():
    assert not packages() - set(LINE_OF)


def test_no_package_stands_on_two_lines():
    assert sum(len(line) for line in LAYERS) == len(LINE_OF)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(SOURCE).as_posix())
def test_imports_point_down(module):
    package = package_of(module)
    if package in ENTRANCES:
        assert packages_imported_by(module) == ENTRANCES[package]
        return
    wrong = {
        other
        for other in packages_imported_by(module) - {package}
        if LINE_OF[other] <= LINE_OF[package]
    }
    assert not wrong, f"{package} may not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize(
    ("package", "folder"),
    [(package, folder) for package in APART for folder in sorted(APART[package])],
)
def test_folders_that_are_apart_do_not_import_each_other(package, folder):
    others = {f"kairan.{package}.{other}" for other in APART[package] - {folder}}
    modules = sorted((SOURCE / package / folder).rglob("*.py"))
    assert modules
    wrong = {
        (module.name, name)
        for module in modules
        for name in imported_names(ast.parse(module.read_text(encoding="utf-8")))
        if ".".join(name.split(".")[:3]) in others
    }
    assert not wrong


def test_the_test_would_notice_an_import_that_points_up():
    assert list(imported_names(ast.parse("def f():\n    from kairan.cli.app import main"))) == [
        "kairan.cli.app.main"
    ]
