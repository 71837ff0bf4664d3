"""Names that a room brings in late are those the type checker is told of (`runtime/late.py`)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "kairan"
LATE = sorted(
    page.parent.name
    for page in SOURCE.glob("*/__init__.py")
    if "late_names(" in page.read_text(encoding="utf-8")
)


def told(room: str) -> Iterator[tuple[str, str]]:
    """Module and name of each import in the room's `__init__.py`."""
    tree = ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"kairan.{room}."):
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.parametrize("room", LATE)
def test_each_name_is_what_the_type_checker_is_told(room):
    page = import_module(f"kairan.{room}")
    names = {name: module for module, name in told(room)}
    assert set(names) == set(page.__all__)
    for name, module in names.items():
        assert getattr(page, name) is getattr(import_module(module), name)


@pytest.mark.parametrize("room", LATE)
def test_no_name_is_that_of_a_module(room):
    modules = {path.stem for path in (SOURCE / room).iterdir()}
    assert not modules & {name for _, name in told(room)}


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'kairan.auth' has no attribute 'Nobody'"):
        _ = import_module("kairan.auth").Nobody


def test_reading_the_settings_loads_no_room():
    """Measured: they alone cost every command half a second."""
    program = "import sys, kairan.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    heavy = {"sqlalchemy", "alembic", "argon2", "cryptography", "jwt", "dns", "structlog"}
    assert not heavy & set(done.stdout.decode().split())
