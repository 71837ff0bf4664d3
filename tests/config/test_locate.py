"""-c, then $KAIRAN_CONFIG, then ./kairan.toml."""

from pathlib import Path

import pytest

from kairan.config.errors import ConfigError
from kairan.config.locate import locate


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder without a kairan.toml, and no variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAIRAN_CONFIG", raising=False)
    return tmp_path


def test_the_option_wins(elsewhere, monkeypatch):
    monkeypatch.setenv("KAIRAN_CONFIG", "/from/variable")
    (elsewhere / "kairan.toml").touch()
    assert locate(Path("given.toml")) == Path("given.toml")


def test_then_the_variable_whatever_lies_here(elsewhere, monkeypatch):
    monkeypatch.setenv("KAIRAN_CONFIG", "/from/variable")
    (elsewhere / "kairan.toml").touch()
    assert locate(None) == Path("/from/variable")


def test_then_the_file_here(elsewhere):
    (elsewhere / "kairan.toml").touch()
    assert locate(None) == Path("kairan.toml")


def test_nowhere_is_an_error_that_says_what_to_do(elsewhere):
    with pytest.raises(ConfigError, match="`kairan init`"):
        locate(None)
