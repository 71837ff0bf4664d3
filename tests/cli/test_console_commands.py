"""kairan console user: who may sign in to the console."""

import json

import pytest

from kairan.directory.store import Directory

PASSWORD = "pass it round to everyone"


def audit_of(shell, what):
    lines = (shell.place / "data" / "audit" / "administration.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["what"] == what]


def stored(shell):
    with Directory.open(f"sqlite:///{shell.place / 'data' / 'directory.db'}") as directory:
        return {one.name: one for one in directory.console_users.everyone()}


def test_a_user_is_added_with_a_role_and_a_hash_and_the_audit_knows(shell):
    shell.done(
        "console", "user", "add", "akiko", "--role", "operator", "--password-stdin", stdin=PASSWORD
    )
    one = stored(shell)["akiko"]
    assert one.role == "operator"
    assert one.password_hash.startswith("$argon2id$")
    (line,) = audit_of(shell, "console.user-add")
    assert (line["name"], line["role"]) == ("akiko", "operator")
    assert PASSWORD not in str(line)
    assert one.password_hash not in str(line)
    listed = shell.done("console", "user", "list", "--json")
    assert [(user["name"], user["role"]) for user in listed.json] == [("akiko", "operator")]
    assert "argon2" not in listed.out + repr(one)


def test_a_generated_password_is_shown_once(shell):
    made = shell.done(
        "console", "user", "add", "desk", "--role", "helpdesk", "--generate", "--json"
    )
    assert len(made.json["password"]) >= 20
    changed = shell.done("console", "user", "password", "desk", "--generate", "--json")
    assert changed.json["password"] != made.json["password"]
    assert len(audit_of(shell, "console.user-password")) == 1


def test_who_is_removed_is_gone_and_may_be_added_again(shell):
    add = ("console", "user", "add", "akiko", "--password-stdin")
    shell.done(*add, stdin=PASSWORD)
    assert "already" in shell.refused(*add, stdin=PASSWORD)
    shell.done("console", "user", "remove", "akiko")
    assert stored(shell) == {}
    assert len(audit_of(shell, "console.user-remove")) == 1
    shell.done(*add, stdin=PASSWORD)


@pytest.mark.parametrize("words", [("remove", "nobody"), ("password", "nobody", "--generate")])
def test_a_user_who_is_not_there_is_said_so(shell, words):
    assert "there is no user nobody" in shell.refused("console", "user", *words)


@pytest.mark.parametrize("name", ["", " akiko", "x" * 65, "a\nb", "\u202eakiko"])
def test_a_name_that_could_mislead_is_refused(shell, name):
    shell.refused("console", "user", "add", name, "--password-stdin", stdin=PASSWORD)
    assert stored(shell) == {}


def test_a_weak_password_is_refused(shell):
    sentence = shell.refused("console", "user", "add", "akiko", "--password-stdin", stdin="short")
    assert "characters" in sentence
