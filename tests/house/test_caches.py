"""Every cache is bounded in octets: `runtime.kept`, or here with the reason why its keys are ours."""

import ast
import re
from pathlib import Path

from kairan.runtime.kept import kept

SOURCE = Path(__file__).parents[2] / "src" / "kairan"
# Functions that `functools` may cache: nobody but us chooses what they are asked.
KEYS_OF_OURS = {
    "api/compose.py: _plain_mime_fields": "nothing: there is one answer",
    "runtime/kept.py: kept": "the one that bounds all others",
    "runtime/kept.py: decorate": "likewise",
    "runtime/logs.py: _second": "seconds of our clock, two of them",
    "mail/header.py: date_of": "seconds of our clock, four of them",
    "queue/jobs.py: _second_text": "seconds of arrival and of retries, a thousand of them",
    "web/whole_request.py: _status_line": "the statuses that our pages answer with",
    "auth/tokens/judge.py: _audiences": "the audiences of the configuration's issuers",
    "auth/networks.py: _parsed": "networks that the administrator gave accounts",
    "relay/patience.py: _shortened": "the settings of the configuration's destinations",
    "relay/session.py: _timeouts": "the settings of the configuration's destinations",
}
CACHES = {"lru_cache", "cache"}


def caching_functions(module: Path):
    """Functions that are decorated with one of functools' caches, or that use one."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    name = module.relative_to(SOURCE).as_posix()
    imports = (
        n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "functools"
    )
    imported = {alias.asname or alias.name for one in imports for alias in one.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            loaded = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            attributes = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            # A variable may be called `cache`; what functools gives is imported.
            if CACHES & imported & loaded or ("functools" in loaded and CACHES & attributes):
                yield f"{name}: {node.name}"


def importing_modules():
    for module in SOURCE.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        if re.search(r"\blru_cache\b|\bimport cache\b|\bfunctools\.cache\b", text):
            yield module


def test_no_cache_counts_entries_whose_keys_a_peer_chooses():
    found = {name for module in SOURCE.rglob("*.py") for name in caching_functions(module)}
    assert found == set(KEYS_OF_OURS), found ^ set(KEYS_OF_OURS)


def test_no_module_caches_outside_a_function():
    allowed = {name.partition(":")[0] for name in KEYS_OF_OURS}
    found = {module.relative_to(SOURCE).as_posix() for module in importing_modules()}
    assert found <= allowed, found - allowed


def test_a_long_key_is_answered_and_not_kept():
    asked = []

    @kept(octets=64 * 1024, key_octets=10)
    def answer(key: bytes) -> int:
        asked.append(key)
        return len(key)

    for key in (b"short", b"long" * 100):
        assert (answer(key), answer(key)) == (len(key), len(key))
    assert asked == [b"short", b"long" * 100, b"long" * 100]


def test_the_oldest_goes_where_the_octets_are_full():
    asked = []

    @kept(octets=2 * (4 * 10 + 512), key_octets=10)
    def answer(key: bytes) -> None:
        asked.append(key)

    for key in (b"a", b"b", b"c", b"a"):
        answer(key)
    assert asked == [b"a", b"b", b"c", b"a"]
