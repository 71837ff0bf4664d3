"""kairan doctor probe as it is typed, against a whole service of ours."""

import json

import pytest
from typer.testing import CliRunner

from kairan.cli.app import app
from kairan.testing import running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("probe")) as running:
        yield running


def run(*words, stdin=None):
    return CliRunner().invoke(app, ["doctor", "probe", *map(str, words)], input=stdin)


def steps(result):
    return {step["step"]: step for step in json.loads(result.stdout)["steps"]}


def asked(demo, *words, password=None, as_json=True):
    account = demo.accounts[0]
    where = f"{demo.smtp_host}:{demo.smtp_port}"
    login = ("--user", account.address, "--password-stdin", "--ca", demo.ca_file)
    more = ("--json",) if as_json else ()
    return run(where, *login, *words, *more, stdin=password or account.password)


def test_a_healthy_service_is_healthy_up_to_the_recipient(demo):
    result = asked(demo, "--to", f"user001@{demo.domain}")
    assert result.exit_code == 0, result.stdout
    assert steps(result)["rcpt"]["verdict"] == "ok"
    assert steps(result)["message"]["verdict"] == "skipped"


def test_a_wrong_password_is_explained_in_both_languages(demo):
    for language, word in (("en", "What to do"), ("ja", "対処")):
        result = asked(demo, "--lang", language, password="wrong", as_json=False)
        assert result.exit_code == 1
        assert "auth-unsuccessful" in result.stdout
        assert word in result.stdout
        assert "wrong\n" not in result.stdout


def test_a_sender_that_is_not_the_accounts_own_is_explained(demo):
    step = steps(asked(demo, "--from", "boss@kairan.test"))["mail"]
    assert step["verdict"] == "problem"
    assert step["meaning"][0]["key"] == "sender-not-yours"


def test_a_recipient_outside_is_explained(demo):
    step = steps(asked(demo, "--to", "someone@example.org"))["rcpt"]
    assert step["meaning"][0]["key"] == "relay-denied"


def test_a_message_arrives_when_it_is_asked_for(demo):
    address = f"user002@{demo.domain}"
    assert asked(demo, "--to", address, "--send").exit_code == 0
    (message,) = demo.wait_messages(address, count=1)
    assert b"kairan doctor probe --send" in message.read_bytes()


def test_a_token_is_fetched_and_used_and_neither_it_nor_the_secret_is_shown(demo, tmp_path):
    oauth = json.loads((demo.directory / "demo.json").read_text())["oauth"]
    secret = tmp_path / "secret"
    secret.write_text(oauth["client_secret"])
    result = run(
        f"{demo.smtp_host}:{demo.smtp_port}",
        *("--user", demo.accounts[0].address, "--ca", demo.ca_file, "--json"),
        *("--oauth-token-url", oauth["token_url"], "--oauth-client-id", oauth["client_id"]),
        *("--oauth-secret-file", secret, "--oauth-scope", oauth["scope"]),
    )
    assert result.exit_code == 0, result.stdout
    assert "XOAUTH2 is used" in steps(result)["mechanisms"]["said"]
    assert "eyJ" not in result.stdout
    assert oauth["client_secret"] not in result.stdout


def test_a_refusing_token_endpoint_is_the_step_that_is_named(demo, tmp_path):
    oauth = json.loads((demo.directory / "demo.json").read_text())["oauth"]
    (tmp_path / "secret").write_text("not the secret")
    result = run(
        f"{demo.smtp_host}:{demo.smtp_port}",
        *("--user", demo.accounts[0].address, "--ca", demo.ca_file, "--json"),
        *("--oauth-token-url", oauth["token_url"], "--oauth-client-id", oauth["client_id"]),
        *("--oauth-secret-file", tmp_path / "secret"),
    )
    assert result.exit_code == 1
    assert steps(result)["token"]["meaning"][0]["key"] == "token-not-given"
    assert steps(result)["auth"]["verdict"] == "skipped"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("no host",), "is no host"),
        (("host:0",), "is no host"),
        (("host:99999",), "is no host"),
        (("host", "--password-stdin"), "--user"),
        (("host", "--send"), "--to"),
        (("host", "--from", "a b@c"), "is not an address"),
        (("host", "--user", "a@b.c", "--password-stdin", "--token-stdin"), "choose one"),
        (("host", "--user", "a@b.c", "--oauth-client-id", "x"), "belong together"),
        (
            (
                *("host", "--user", "a@b.c", "--oauth-client-id", "x", "--oauth-secret-file", "x"),
                *("--oauth-token-url", "http://127.0.0.1.example.org/"),
            ),
            "must be https",
        ),
        (("host", "--ca", "/does/not/exist"), "PEM"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence_that_says_what_to_do(words, says):
    result = run(*words, stdin="")
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
