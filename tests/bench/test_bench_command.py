"""`python -m bench` as it is typed."""

import json

import pytest

from bench import haraka, postfix, smtp_sink
from bench.command import run

BASELINE = """
import socket, sys, threading
port = int(sys.argv[1])
with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        client, _ = server.accept()
        client.sendall(b"220 hello\\r\\n421 and good bye\\r\\n")
        client.close()
"""


def needs(contestant):
    reason = contestant.missing()
    return pytest.mark.skipif(reason is not None, reason=reason or "")


@pytest.mark.peers
@needs(postfix)
def test_postfix_is_measured_and_loses_nothing(programs, capfd):
    words = ["--quick", "--seconds", "0.3", "--only", "postfix", "--json"]
    status = run([*words, "--scenario", "login", "--scenario", "list"])
    told = json.loads(capfd.readouterr().out)
    assert status == 0
    by_scenario = {row["scenario"]: row for row in told["results"]}
    assert by_scenario["login"]["accepted_rate"] > 0
    assert by_scenario["login"]["lost"] == by_scenario["login"]["failed"] == 0
    assert by_scenario["list"]["lost"] == 0
    assert told["versions"]["postfix"].startswith("Postfix 3")


def test_kairan_is_measured_and_loses_nothing(programs, capfd):
    words = ["--quick", "--seconds", "0.3", "--only", "kairan", "--json"]
    names = ("plain", "session-per-message", "list", "idle")
    status = run([*words, *(word for name in names for word in ("--scenario", name))])
    told = json.loads(capfd.readouterr().out)
    assert status == 0
    assert told["failures"] == []
    by_scenario = {row["scenario"]: row for row in told["results"]}
    assert set(by_scenario) == set(names)
    assert by_scenario["plain"]["accepted_rate"] > 0
    assert [row["lost"] for row in told["results"] if "lost" in row] == [0, 0, 0]


def test_logins_by_token_and_guessing_are_measured_and_lose_nothing(programs, capfd):
    words = ["--quick", "--seconds", "0.3", "--only", "kairan", "--json"]
    status = run([*words, "--scenario", "token-per-message", "--scenario", "guessing"])
    told = json.loads(capfd.readouterr().out)
    assert (status, told["failures"]) == (0, [])
    tokens, guessing = told["results"]
    assert tokens["accepted_rate"] > 0 < tokens["password_rate"]
    assert guessing["guess_rate"] > 0 == guessing["guesses_other"]
    assert guessing["guesses_535"] > 0
    assert [row[key] for row in (tokens, guessing) for key in ("failed", "lost")] == [0, 0, 0, 0]


def test_a_baseline_takes_part_in_the_intake_alone(programs, tmp_path, capfd):
    file = tmp_path / "baseline.py"
    file.write_text(BASELINE)
    words = ["--quick", "--seconds", "0.1", "--only", "baseline", "--baseline", str(file)]
    status = run(
        [
            *words,
            "--scenario",
            "plain",
            "--scenario",
            "intake-plain",
            "--scenario",
            "guessing",
            "--json",
        ]
    )
    told = json.loads(capfd.readouterr().out)
    assert status == 0
    assert [row["scenario"] for row in told["results"]] == ["intake-plain"]
    assert "421 and good bye" in told["failures"][0]["replies"][0]


@pytest.mark.peers
@needs(haraka)
def test_haraka_takes_part_in_the_intake_with_and_without_tls_and_loses_nothing(programs, capfd):
    words = ["--quick", "--seconds", "0.3", "--only", "haraka", "--json"]
    names = ("intake-plain", "intake-tls", "login")
    status = run([*words, *(word for name in names for word in ("--scenario", name))])
    told = json.loads(capfd.readouterr().out)
    assert (status, told["failures"]) == (0, [])
    assert [row["scenario"] for row in told["results"]] == ["intake-plain", "intake-tls"]
    for row in told["results"]:
        assert row["accepted_rate"] > 0 == row["lost"] == row["failed"]
    assert told["versions"]["haraka"].startswith("Haraka 3")


@pytest.mark.peers
@needs(smtp_sink)
def test_smtp_sink_takes_part_where_nothing_is_encrypted_and_is_said_to_store_nothing(
    programs, capfd
):
    words = ["--quick", "--seconds", "0.3", "--only", "smtp-sink", "--json"]
    status = run([*words, "--scenario", "intake-plain", "--scenario", "intake-tls"])
    told = json.loads(capfd.readouterr().out)
    assert (status, told["failures"]) == (0, [])
    (row,) = told["results"]
    assert row["scenario"] == "intake-plain"
    assert row["accepted_rate"] > 0 == row["failed"]
    assert "stores nothing" in told["versions"]["smtp-sink"]


def test_what_is_not_installed_is_one_sentence(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(haraka, "_INSTALLED", tmp_path)
    assert run(["--only", "haraka"]) == 2
    assert "bench: Haraka" in capfd.readouterr().err


def test_what_cannot_be_measured_here_is_one_sentence_and_exit_2(capfd):
    assert run(["--only", "baseline"]) == 2
    assert "--baseline FILE.py" in capfd.readouterr().err


def test_an_unknown_scenario_is_refused_with_the_list_of_known_ones(capfd):
    with pytest.raises(SystemExit, match="2"):
        run(["--scenario", "nonsense"])
    assert "session-per-message" in capfd.readouterr().err


def test_mail_by_http_and_the_console_over_a_long_trace_are_measured_and_lose_nothing(
    programs, capfd
):
    words = ["--quick", "--seconds", "0.4", "--only", "kairan", "--json"]
    status = run([*words, "--scenario", "api", "--scenario", "console"])
    told = json.loads(capfd.readouterr().out)
    assert (status, told["failures"]) == (0, [])
    api, console = told["results"]
    assert api["accepted_rate"] > 0 < api["keyed_rate"]
    assert api["smtp_rate"] > 0 < api["web_us"]
    assert console["accepted_rate"] > 0 < console["closed_rate"]
    assert console["search_p99_ms"] > 0 < console["overview_p99_ms"]
    assert [row[key] for row in (api, console) for key in ("failed", "lost")] == [0, 0, 0, 0]
