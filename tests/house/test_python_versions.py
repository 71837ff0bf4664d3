"""Every Python that pyproject.toml names can install what is locked: Debian 12's is 3.11.2."""

import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_no_locked_package_wants_a_later_python_than_ours_does():
    ours = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["requires-python"]
    [at_least] = SpecifierSet(ours)
    first = Version(at_least.version)
    wanted = {one.name: one.metadata["Requires-Python"] for one in distributions()}
    assert wanted["kairan"] == ours
    assert not {
        name: text
        for name, text in wanted.items()
        if text is not None and not SpecifierSet(text).contains(first)
    }
