"""A class or type of the package has its name for itself: who greps for it finds one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "kairan"

# Name -> why two may bear it.
EXCEPTIONS: Mapping[str, str] = {}


def types_in(module: ast.Module) -> Iterator[str]:
    """Classes, wherever they stand, private ones too; type aliases and new types."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(ast.Name(name), ast.Name("TypeAlias")):
                yield name
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("NewType"))):
                yield name


def test_no_two_types_share_a_name():
    places = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for name in types_in(ast.parse(path.read_text(encoding="utf-8"))):
            places[name].append(path.relative_to(SOURCE).as_posix())
    assert len(places) > 500
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert not {name: found for name, found in shared.items() if name not in EXCEPTIONS}
    assert not EXCEPTIONS.keys() - shared.keys(), "an exception that nothing needs"


def test_each_kind_of_type_is_seen():
    source = """
class Verdict: ...
Login: TypeAlias = int
SpoolId = NewType("SpoolId", int)
def inner():
    class _Part: ...
count: int = 3
"""
    assert list(types_in(ast.parse(source))) == ["Verdict", "Login", "SpoolId", "_Part"]
