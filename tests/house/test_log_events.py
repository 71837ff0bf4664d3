"""Each line of the log is `package.event-in-words` with its facts as fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "kairan"
# What applications use too writes to their log where ours is not set up.
WAYS_IN = ("import structlog", "import LibraryLog")
WITH_LOG = sorted(
    module
    for module in SOURCE.rglob("*.py")
    if any(way in module.read_text("utf-8") for way in WAYS_IN)
)
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
WORDS = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value
            if isinstance(target, ast.Name) and target.id == "log" and node.func.attr in LEVELS:
                yield node


def events(argument: ast.expr) -> Iterator[str]:
    """What the first argument may be; what is computed in another way shows as code."""
    match argument:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp():
            yield from events(argument.body)
            yield from events(argument.orelse)
        case _:
            yield ast.unparse(argument)


def faults(text: str, package: str) -> list[str]:
    found = []
    for call in calls(ast.parse(text)):
        for event in events(call.args[0]):
            before, _, words = event.partition(".")
            if before != package or not WORDS.fullmatch(words):
                found.append(event)
        if len(call.args) > 1:
            found.append(f"{ast.unparse(call)}: facts are fields")
    return found


@pytest.mark.parametrize("module", WITH_LOG, ids=lambda m: m.relative_to(SOURCE).as_posix())
def test_events_are_named_by_package_and_in_words(module):
    package = module.relative_to(SOURCE).parts[0].removesuffix(".py")
    text = module.read_text(encoding="utf-8")
    assert not faults(text, package)
    # By another name its lines would not be looked at here.
    made = [line for line in text.splitlines() if "get_logger(" in line or "LibraryLog()" in line]
    assert set(made) <= {"log = structlog.get_logger()", "log = LibraryLog()"}


def test_the_log_has_one_way_in():
    """Python's own logging is turned into our lines in one place, and used in no other."""
    importing = {
        module.relative_to(SOURCE).as_posix()
        for module in SOURCE.rglob("*.py")
        if re.search(r"^(?:import|from) logging\b", module.read_text("utf-8"), re.MULTILINE)
    }
    # The library writes to the application's; the doctor silences one that would print beside its
    # answer.
    # Its handler for an application's records is a handler of Python's.
    assert importing == {
        "runtime/logs.py",
        "runtime/library_log.py",
        "cli/doctor/token.py",
        "sender/adapters/log_handler.py",
    }


@pytest.mark.parametrize(
    "line",
    [
        'log.info("spool_full")',
        'log.info("spool.queue_full")',
        'log.info("trace.full")',
        'log.info("spool")',
        "log.info(message_id)",
        'log.info("spool.full %s", path)',
    ],
)
def test_the_test_would_notice(line):
    assert faults(line, "spool")
    assert not faults('log.info("spool.full", path=path)', "spool")
