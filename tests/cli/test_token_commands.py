"""kairan token: fetched, looked at, tried; never shown where it was not asked for."""

import json
import subprocess
import sys

import jwt
import pytest

from kairan.testing import running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("token-commands") / "demo") as running:
        authority, _, tenant = running.oauth["authority"].rpartition("/")
        (running.directory / "secret").write_text(running.oauth["client_secret"])
        (running.directory / "other").write_text("another secret")
        identity = f"""
[[identity]]
name = "{{name}}"
user = "{running.accounts[0].address}"
authority = "{authority}"
tenant = "{tenant}"
client_id = "{running.oauth["client_id"]}"
client_secret_file = "{{secret}}"
scope = "{running.oauth["scope"]}"
ca_file = "{running.ca_file}"
"""
        with running.configuration.open("a") as file:
            file.write(identity.format(name="hve", secret="secret"))
            file.write(identity.format(name="wrong", secret="other"))
        yield running


def kairan(demo, *words):
    return subprocess.run(
        [sys.executable, "-m", "kairan", *words, "-c", str(demo.configuration)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_get_prints_the_token_and_the_next_get_the_same(demo):
    first, second, new = (
        kairan(demo, "token", "get", "hve", *more) for more in ((), (), ("--new",))
    )
    token = first.stdout.strip()
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == demo.oauth["audience"]
    assert second.stdout.strip() == token
    assert new.stdout.strip() != token
    assert (first.returncode, first.stderr) == (0, "")


def test_get_as_json_has_its_end(demo):
    answer = json.loads(kairan(demo, "token", "get", "hve", "--json").stdout)
    assert set(answer) == {"access_token", "expires"}


def test_show_tells_how_long_and_never_the_token(demo):
    token = kairan(demo, "token", "get", "hve").stdout.strip()
    shown = kairan(demo, "token", "show", "--json")
    rows = {row["name"]: row for row in json.loads(shown.stdout)}
    assert rows["hve"]["seconds_left"] > rows["hve"]["renewed_in_seconds"] > 0
    assert rows["wrong"]["seconds_left"] is None
    assert token not in shown.stdout
    assert "hve" in kairan(demo, "token", "show").stdout


def test_what_the_issuer_refuses_is_said_with_its_remedy(demo):
    done = kairan(demo, "token", "get", "wrong", "--lang", "en")
    assert (done.returncode, done.stdout) == (1, "")
    assert "invalid_client" in done.stderr
    assert "secret" in done.stderr
    assert "another secret" not in done.stderr


def test_an_identity_that_is_not_named_or_not_there_is_asked_for(demo):
    for words in (("token", "get"), ("token", "get", "nobody")):
        done = kairan(demo, *words)
        assert done.returncode == 2
        assert "hve, wrong" in done.stderr


def test_test_logs_in_at_the_server_and_sends_nothing(demo):
    server = f"{demo.smtp_host}:{demo.smtp_port}"
    words = ("token", "test", "hve", "--server", server, "--ca", str(demo.ca_file))
    done = kairan(demo, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(kairan(demo, *words, "--json").stdout)["logged_in"] is True


def test_test_says_why_a_server_cannot_be_used(demo):
    server = f"{demo.smtp_host}:{demo.smtp_port}"
    without_trust = kairan(demo, "token", "test", "hve", "--server", server)
    assert without_trust.returncode == 1
    assert "certificate" in without_trust.stderr
    nonsense = kairan(demo, "token", "test", "hve", "--server", "a:b:c")
    assert nonsense.returncode == 2
