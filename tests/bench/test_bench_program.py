"""Compiling: once, and a clear sentence where it cannot be."""

import pytest

from bench import program
from bench.errors import BenchError


def test_a_program_is_compiled_once(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = program.compiled("sink")
    made = first.stat().st_mtime_ns
    assert program.compiled("sink") == first
    assert first.stat().st_mtime_ns == made
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_without_a_compiler_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="apt-get install gcc"):
        program.compiled("sink")


@pytest.mark.parametrize(
    "stderr",
    [
        "load.c:42:10: fatal error: openssl/err.h: No such file or directory",
        "/usr/bin/ld: cannot find -lssl: No such file or directory",
    ],
)
def test_without_openssl_the_package_is_named(tmp_path, monkeypatch, stderr):
    compiler = tmp_path / "cc"
    compiler.write_text(f"#!/bin/sh\necho '{stderr}' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="apt-get install libssl-dev"):
        program.compiled("load")
