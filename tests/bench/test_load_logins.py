"""The load generator as somebody with a token, as one who takes his time, and as one who guesses."""

import base64
import subprocess
from collections import Counter

import pytest

from bench.load import Load, TargetListener, arguments, generate, parse_result


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("header.claims.signature\n")
    return file


def login(command):
    """Mechanism and what was said."""
    _, mechanism, coded = command.split()
    return mechanism, base64.b64decode(coded)


def logins(heard):
    return [login(command) for command in heard.commands if command.startswith("AUTH")]


def test_a_token_is_offered_as_xoauth2_at_once(programs, server, heard, token_file):
    with server({"AUTH": "235 2.7.0 yes"}, heard) as (port, _):
        result = generate(
            Load(connections=1, messages=1),
            TargetListener(port, user="a@b.test", token_file=token_file),
        )
    assert result.sent == 1
    said = b"user=a@b.test\1auth=Bearer header.claims.signature\1\1"
    assert logins(heard) == [("XOAUTH2", said)]


def test_a_token_is_on_no_command_line(token_file):
    words = arguments(
        Load(connections=1), TargetListener(25, user="a@b.test", token_file=token_file)
    )
    assert "header.claims.signature" not in " ".join(words)
    assert str(token_file) in words


def test_a_refused_token_is_a_failure_with_its_reply(programs, server, token_file):
    with server({"AUTH": "535 5.7.127 no"}) as (port, _):
        result = generate(
            Load(connections=1, messages=1), TargetListener(port, user="u", token_file=token_file)
        )
    assert result.failures == ("AUTH: 535 5.7.127 no",)


@pytest.mark.parametrize("text", ["", "\n", "x" * 8192])
def test_a_file_without_a_usable_token_is_wrong_use(programs, tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)
    words = ["--user", "u", "--token-file", str(file), "--messages", "1", "127.0.0.1", "25"]
    done = subprocess.run([programs[0], *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "holds no token" in done.stderr


def test_a_source_address_is_where_the_server_sees_us_come_from(programs, server, heard):
    with server({}, heard) as (port, _):
        result = generate(Load(connections=2, messages=4, source="127.0.0.2"), TargetListener(port))
    assert result.sent == 4
    assert heard.peers == {"127.0.0.2"}


@pytest.mark.parametrize("messages_per_session", [0, 1])
def test_a_rate_is_not_exceeded(sink, messages_per_session):
    load = Load(
        connections=5, messages=11, rate=100, messages_per_session=messages_per_session, whole=True
    )
    result = generate(load, TargetListener(sink.port))
    assert (result.sent, sink.counters().messages) == (11, 11)
    assert result.seconds >= 0.1  # eleven turns are ten pauses of 10 ms


def test_a_guess_is_a_wrong_password_for_each_name_in_turn(programs, server, heard):
    load = Load(connections=1, messages=4, guess="a@b.test,nobody%d@b.test")
    with server({"AUTH": "535 5.7.3 no"}, heard) as (port, texts):
        result = generate(load, TargetListener(port, user="not@used.test", password="right"))
    assert (result.sent, result.failed, result.replies) == (4, 0, {"535": 4})
    said = [text.split(b"\0") for _, text in logins(heard)]
    names = Counter(name.decode() for _, name, _ in said)
    assert names["a@b.test"] == 2
    assert {name for name in names if name.startswith("nobody")} == set(names) - {"a@b.test"}
    assert len({password for *_, password in said}) == 4
    assert not texts


def test_answers_to_guesses_are_counted_by_code(programs, server):
    with server({"AUTH": "454 4.7.0 later"}) as (port, _):
        result = generate(Load(connections=2, messages=6, guess="u"), TargetListener(port))
    assert result.replies == {"454": 6}


def test_guesses_can_have_a_connection_each(programs, server):
    load = Load(connections=2, messages=6, guess="u", messages_per_session=1)
    with server({"AUTH": "535 5.7.3 no"}) as (port, _):
        result = generate(load, TargetListener(port))
    assert result.sent == 6
    # Who came for a seventh before the sixth was answered leaves with nothing said.
    assert result.sessions in {6, 7}


def test_a_guesser_whom_the_server_hangs_up_on_comes_again(programs, server):
    with server({"AUTH": "421 4.7.0 enough"}) as (port, _):
        result = generate(Load(connections=1, seconds=0.2, guess="u"), TargetListener(port))
    assert (result.sent, result.failed, result.replies) == (0, 0, {})
    assert 1 < result.ended <= result.sessions


def test_replies_are_read_as_counts_by_code():
    result = parse_result(
        '{"sent": 2, "failed": 0, "held": 0, "sessions": 1, "started": 1, "seconds": 1, "rate": 2, '
        '"p50_ms": 1, "p99_ms": 2, "max_ms": 3, "cpu_seconds": 0, "ended": 1, '
        '"replies": {"454": 2}, "failures": []}'
    )
    assert (result.ended, result.replies) == (1, {"454": 2})
