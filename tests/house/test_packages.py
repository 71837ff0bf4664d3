"""Each package opens with a page that a stranger can read."""

import ast
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from house.layers import LAYERS

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src" / "kairan"
PACKAGES = sorted(package for package in set().union(*LAYERS) if (SOURCE / package).is_dir())


@pytest.mark.parametrize("package", PACKAGES)
def test_package_says_what_comes_in_what_goes_out_and_what_it_never_does(package):
    page = ast.get_docstring(
        ast.parse((SOURCE / package / "__init__.py").read_text(encoding="utf-8"))
    )
    assert page
    headings = {line.split()[0] for line in page.splitlines() if line[:1].strip()}
    assert {"In", "Out", "Never"} <= headings


def reply_codes_written_in(module: Path) -> list[int]:
    """First arguments of `Reply(…)` and `Reply.of(…)` that are numbers of a refusal."""
    calls = (n for n in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(n, ast.Call))
    firsts = [call.args[0] for call in calls if "Reply" in ast.unparse(call.func) and call.args]
    codes = (first.value for first in firsts if isinstance(first, ast.Constant))
    return [code for code in codes if isinstance(code, int) and code >= 400]


def test_refusals_are_written_in_the_catalogue_and_nowhere_else():
    exempt = {"outcomes"}
    elsewhere = [m for m in SOURCE.rglob("*.py") if m.relative_to(SOURCE).parts[0] not in exempt]
    wrong = {m.relative_to(SOURCE).as_posix(): reply_codes_written_in(m) for m in elsewhere}
    assert not {module: codes for module, codes in wrong.items() if codes}


def test_every_dependency_has_its_reason_in_the_decisions():
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[\[<>=]", line)[0] for line in chain(*lists)}
    decisions = (TOP / "docs" / "decisions.md").read_text(encoding="utf-8")
    assert not {name for name in names if f"| {name} |" not in decisions}


# Put together from halves, so that this file does not name them.
MACHINE_PATHS = ("/" + "work/", "/" + "root/", "/" + "home/", "../" + "shared")


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    folders = ("src", "tests", "docs", "bench", ".ci")
    files = [path for folder in folders for path in (TOP / folder).rglob("*") if path.is_file()]
    files += [path for path in TOP.iterdir() if path.suffix in {".md", ".toml", ".lock"}]
    files += [TOP / "Makefile"]
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in files
        if not {"node_modules", ".venv"} & set(path.parts) and path.suffix != ".pyc"
    }
    assert texts
    assert not {
        path.as_posix() for path, text in texts.items() if any(p in text for p in MACHINE_PATHS)
    }


def test_every_file_that_the_architecture_names_is_there():
    """In a row of the journey a bare `name.py` lies in the folder named before it."""
    page = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing, folder = [], ""
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", page):
        if not name.startswith(("src/", "tests/")):
            folder = name.rpartition("/")[0] if "/" in name and name[-1] != "/" else folder
            candidates = (SOURCE / name, SOURCE / folder / name)
        else:
            candidates = (TOP / name,)
        if not any(path.exists() for path in candidates):
            missing.append(name)
    assert not missing
