"""kairan scim: tokens with which another directory pushes, and what has been pushed."""

import json
import time

import pytest

from kairan.auth.made_secrets import matches
from kairan.directory.model import AppSecret
from kairan.directory.operations.scim_resources import Pushed, PushedKind
from kairan.directory.operations.scim_tokens import ScimToken
from kairan.directory.store import Directory

CREATE, REVOKE = ("scim", "token", "create"), ("scim", "token", "revoke")


def audit_of(shell, what):
    lines = (shell.place / "data" / "audit" / "administration.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["what"] == what]


def directory_of(shell):
    return Directory.open(f"sqlite:///{shell.place / 'data' / 'directory.db'}")


def stored(shell):
    with directory_of(shell) as directory:
        return {one.name: one for one in directory.scim_tokens.everyone()}


@pytest.mark.parametrize("name", ["entra", "人事 システム", "-x"])
def test_a_token_is_shown_once_and_its_hash_is_kept(shell, name):
    before = int(time.time())
    made = shell.done(*CREATE, "--days", 90, "--json", "--", name).json
    one = stored(shell)[name]
    secret = AppSecret(one.hash, one.expires)
    assert matches(made["token"], [secret], now=float(before))
    assert made["expires"] == one.expires
    assert 0 <= one.expires - before - 90 * 86_400 < 60
    listed = shell.done("scim", "token", "list", "--json")
    assert [token["name"] for token in listed.json] == [name]
    assert made["token"] not in listed.out
    assert one.hash not in listed.out
    (line,) = audit_of(shell, "scim-token-create")
    assert line["name"] == name
    assert made["token"] not in str(line)


def test_to_a_person_it_is_said_what_to_do_next_where_the_endpoint_is_off(shell):
    said = shell.done(*CREATE, "entra")
    assert "token" in said.out
    assert "[scim] is not enabled" in said.out
    shown = shell.done("scim", "token", "list").out
    assert "entra" in shown
    assert "expires" in shown


def test_a_revoked_token_is_gone_and_its_name_is_free(shell):
    assert "no tokens" in shell.done("scim", "token", "list").out
    shell.done(*CREATE, "entra")
    assert "a token entra already" in shell.refused(*CREATE, "entra")
    assert shell.done(*REVOKE, "entra", "--json").json == {"revoked": "entra"}
    assert stored(shell) == {}
    (line,) = audit_of(shell, "scim-token-revoke")
    assert line["name"] == "entra"
    shell.done(*CREATE, "entra")
    assert "entra is revoked" in shell.done(*REVOKE, "entra").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*CREATE, ""), "name"),
        ((*CREATE, " \u3000"), "name"),
        ((*CREATE, "a\r\nb"), "control character"),
        ((*CREATE, "entra", "--days", "0"), "greater than or equal to 1"),
        ((*CREATE, "entra", "--days", "9999999999999999999"), "less than or equal to 3650"),
        ((*CREATE, "entra", "--days", "九十"), "valid integer"),
        ((*REVOKE, "誰か"), "there is no token 誰か"),
        ((*REVOKE, "entra'; DROP TABLE scim_token; --"), "there is no token"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(shell, words, said):
    assert said in shell.refused(*words)
    assert stored(shell) == {}


def test_the_eleventh_token_is_refused(shell):
    with directory_of(shell) as directory:
        for number in range(10):
            directory.scim_tokens.add(ScimToken(f"t{number}", "hash", 0, int(time.time()) + 900))
    assert "which is the most" in shell.refused(*CREATE, "one-more")


def test_status_says_what_was_pushed_and_when(shell):
    assert shell.done("scim", "status", "--json").json == {
        "users": 0, "users_without_address": 0, "groups": 0, "last_change": None,
    }  # fmt: skip
    assert "never" in shell.done("scim", "status").out
    with directory_of(shell) as directory, directory.scim.changing(recipients=False) as rows:
        for number, (kind, address) in enumerate(
            [
                (PushedKind.USER, "山田@example.com"),
                (PushedKind.USER, ""),
                (PushedKind.GROUP, "g@x"),
            ]
        ):
            name = f"山田 {number}"
            rows.add(
                Pushed(f"id{number}", kind, name, "{}", 1_000, 5_000 + number, address=address)
            )
    assert shell.done("scim", "status", "--json").json == {
        "users": 2, "users_without_address": 1, "groups": 1, "last_change": 5,
    }  # fmt: skip
    shown = shell.done("scim", "status").out
    assert "users without an address" in shown
    assert "1970-01-01" in shown


@pytest.mark.parametrize("words", [("token", "list"), ("status",), ("token", "create", "x")])
def test_without_an_installation_it_says_what_to_do(shell, words, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert "kairan init" in shell.refused("scim", *words)
