"""docs/rfc.md and the references in the code say the same."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src" / "kairan"

ROW = re.compile(r"^\| (\d{3,4}) \| ([^|]+) \| (yes|partly|no) \| ([^|]*) \|", re.MULTILINE)
PLAIN = re.compile(r"\bRFCs? (\d{3,4})\b")
MANUAL_LINE = re.compile(r"^RFC {2,}(.+(?:\n {8}.+)*)", re.MULTILINE)


def references_in(text: str) -> set[str]:
    """`RFC 5321 …` anywhere, and every number of the line `RFC  5321 section 4, 3463` of a page."""
    found = set(PLAIN.findall(text))
    for line in MANUAL_LINE.findall(text):
        found |= set(re.findall(r"\b\d{4}\b", line))
    return found


def references_by_package() -> dict[str, set[str]]:
    packages: dict[str, set[str]] = {}
    for module in SOURCE.rglob("*.py"):
        package = module.relative_to(SOURCE).parts[0].removesuffix(".py")
        packages.setdefault(package, set()).update(
            references_in(module.read_text(encoding="utf-8"))
        )
    return packages


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((TOP / "docs" / "rfc.md").read_text(encoding="utf-8"))


def test_every_rfc_that_the_code_names_is_listed():
    listed = {number for number, *_ in rows()}
    unlisted = {package: found - listed for package, found in references_by_package().items()}
    assert not {package: numbers for package, numbers in unlisted.items() if numbers}


def test_every_rfc_that_we_claim_is_named_in_the_package_that_does_it():
    by_package = references_by_package()
    for number, _, support, packages in rows():
        named = [
            package
            for package in re.findall(r"\w+", packages)
            if number in by_package.get(package, set())
        ]
        assert support == "no" or named, (
            f"RFC {number}: none of the packages {packages!r} refers to it"
        )


def test_no_rfc_is_listed_twice():
    numbers = [number for number, *_ in rows()]
    assert len(set(numbers)) == len(numbers)


def test_a_manual_page_lists_several_on_its_line():
    page = "RFC     5321 section 4.2, 3463 (enhanced\n        codes), 5248\nother 1234"
    assert references_in(page) == {"5321", "3463", "5248"}
