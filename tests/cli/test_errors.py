"""An operator's mistake is one sentence that ends with what to do; nothing is half-written."""

import os
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kairan.cli.errors import report
from kairan.runtime.certificates import make_authority
from kairan.runtime.operator_error import BAD_INPUT, FAILED, OperatorError

KAIRAN = Path(sys.executable).with_name("kairan")


def files(place: Path) -> dict[str, bytes]:
    """All there is, but for SQLite's own notes beside its file."""
    return {
        str(path): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def put(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


def add_to_settings(text: str) -> None:
    settings = Path("kairan.toml")
    settings.write_text(settings.read_text() + text)


def lines() -> int:
    return len(Path("kairan.toml").read_text().splitlines())


def a_wrong_key():
    add_to_settings('[spool]\ndurabilty = "os"\n')
    return f'kairan.toml:{lines()}: unknown key "durabilty" in [spool]; did you mean "durability"?'


def an_unreadable_key():
    Path("tls/server.key").unlink()
    Path("tls/server.key").mkdir(mode=0o700)  # root reads every file, but no folder
    return "server.key cannot be read (Is a directory)"


def a_key_that_does_not_fit():
    key = Path("tls/server.key")
    key.write_bytes(make_authority("other", now=datetime.now(UTC)).key_pem)
    return "does not belong to the certificate"


def no_settings():
    Path("kairan.toml").unlink()
    return "there is no kairan.toml here: name one with -c FILE or $KAIRAN_CONFIG"


def half_an_installation():
    Path("kairan.toml").unlink()
    return "data exists already and is not overwritten"


def a_short_row():
    put("people.csv", "address,displayName\na@example.com,A\nb@example.com\n")
    return "people.csv:3: 1 fields, but the header has 2"


def a_foreign_domain():
    put("people.csv", "address\na@example.com\nb@elsewhere.example\n")
    return "people.csv:3: "


def an_unknown_column():
    put("people.csv", "address,shoe\na@example.com,42\n")
    return "people.csv:1: there is no column 'shoe'"


def no_file():
    return "people.csv cannot be read: No such file or directory"


def nothing_to_prepare(sentence):
    prepare = lambda: sentence  # noqa: E731 - a table reads better so
    prepare.__name__ = sentence
    return prepare


MISTAKES = [
    (a_wrong_key, ["check-config"]),
    (a_wrong_key, ["serve"]),
    (a_wrong_key, ["account", "list"]),
    (an_unreadable_key, ["serve"]),
    (a_key_that_does_not_fit, ["serve"]),
    (no_settings, ["queue", "stats"]),
    (a_short_row, ["mailbox", "import", "people.csv"]),
    (a_foreign_domain, ["mailbox", "import", "people.csv"]),
    (an_unknown_column, ["mailbox", "import", "people.csv"]),
    (no_file, ["mailbox", "import", "people.csv"]),
    (nothing_to_prepare("there is no group x@example.com"), ["group", "preview", "x@example.com"]),
    (nothing_to_prepare("there is no group x@"), ["group", "members", "list", "x@example.com"]),
    (nothing_to_prepare("there is no group x@"), ["group", "remove", "x@example.com"]),
    (nothing_to_prepare("there is no mailbox x@"), ["mailbox", "set", "x@example.com"]),
    (nothing_to_prepare("is not an e-mail address"), ["mailbox", "add", "x y"]),
    (nothing_to_prepare("is not an accepted domain"), ["group", "add", "x@elsewhere.example"]),
    (nothing_to_prepare("kairan.toml exists already"), ["init", "."]),
    (half_an_installation, ["init", "."]),
    (nothing_to_prepare("no such command 'grup'. Did you mean 'group'"), ["grup"]),
    (nothing_to_prepare("no such option: --jsn"), ["account", "list", "--jsn"]),
    (nothing_to_prepare("missing argument 'ADDRESS'; see `kairan group add"), ["group", "add"]),
    (nothing_to_prepare('"soon" is not a time'), ["trace", "--since", "soon"]),
    (nothing_to_prepare("is no id; `kairan queue list` shows them"), ["queue", "show", "x"]),
    (nothing_to_prepare("0-81 is not in the queue"), ["queue", "hold", "0-81"]),
    (nothing_to_prepare("say which: ids, conditions"), ["queue", "retry"]),
    (nothing_to_prepare("repeat this with --yes"), ["queue", "drop", "--all"]),
    (nothing_to_prepare("give ids or conditions, not both"), ["queue", "hold", "0-1", "--all"]),
]


@pytest.mark.parametrize(
    ("prepare", "words"), MISTAKES, ids=[f"{' '.join(m[1])}-{m[0].__name__}" for m in MISTAKES]
)
def test_a_mistake_is_one_sentence_and_exit_2_and_changes_nothing(shell, prepare, words):
    sentence = prepare()
    before = files(shell.place)
    assert sentence in shell.refused(*words)
    assert files(shell.place) == before


@pytest.mark.parametrize("prepare", [an_unreadable_key, a_key_that_does_not_fit])
def test_check_config_says_each_mistake_in_a_line_of_its_own(shell, prepare):
    sentence = prepare()
    answer = shell("check-config")
    assert (answer.code, answer.out) == (2, "")
    key, *_, postmaster, domain = answer.err.splitlines()
    assert key.startswith("kairan: kairan.toml:")
    assert sentence in key
    assert "kairan.toml:" in postmaster
    assert "has no postmaster" in postmaster
    assert "warning: the accepted domain example.com has neither mailboxes" in domain


def test_a_port_in_use_is_said_by_the_real_program(shell):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = shell.place / "kairan.toml"
        settings.write_text(settings.read_text().replace("port = 2525", f"port = {port}"))
        done = subprocess.run(
            [KAIRAN, "serve"], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    log, said = done.stderr.splitlines()
    assert "event=service.starting" in log
    assert said.startswith(f"kairan: cannot listen on 0.0.0.0 port {port}: ")
    assert said.endswith("stop what listens there or choose another port")


def test_a_defect_of_ours_is_one_sentence_too_and_debug_shows_where(shell, monkeypatch):
    monkeypatch.setattr("kairan.cli.configuration.load", lambda _: 1 / 0)
    assert "this should not happen: ZeroDivisionError" in shell.refused("queue", "stats", code=1)
    shown = shell("--debug", "queue", "stats")
    assert "Traceback" in shown.err
    assert shown.code == 1


def test_a_database_that_is_away_is_no_mistake_of_the_operators_words(shell):
    add_to_settings('[directory]\nurl = "postgresql://kairan@127.0.0.1:1/kairan"\n')
    assert "cannot be used" in shell.refused("account", "list", code=1)


def test_a_reader_that_goes_away_ends_the_command_quietly(shell):
    done = subprocess.run(
        f"{KAIRAN} check-config --explain | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert done.stdout == "[server]  # The machine\n"
    assert done.stderr == ""


def test_a_queue_that_is_busy_for_long_is_said(shell, monkeypatch):
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("kairan.cli.queue.statistics", locked)
    assert "(database is locked); try again" in shell.refused("queue", "stats", code=1)


class AwayError(OperatorError):
    """A package's own; the commands have not heard of it."""


class WrongError(AwayError):
    exit_code = BAD_INPUT


class ConfigError(Exception):
    """Has the name of an operator's error, and is none."""


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (AwayError("nobody answers; start it"), FAILED, "kairan: nobody answers; start it\n"),
        (WrongError("no such name; list them"), BAD_INPUT, "kairan: no such name; list them\n"),
        (ConfigError("a defect"), FAILED, "kairan: this should not happen: ConfigError: a defect"),
    ],
)
def test_an_operators_error_brings_its_exit_code_whatever_its_name(error, code, sentence, capsys):
    assert report(error, debug=False) == code
    assert capsys.readouterr().err.startswith(sentence)
