"""Each change by a command is in the audit: who, what, before, after, and never a secret."""

import json

import pytest

from kairan.trace.audit_file import read

PRINTER = "printer@example.com"


@pytest.fixture
def desk(shell):
    settings = shell.place / "kairan.toml"
    settings.write_text(settings.read_text() + '[issuer]\nalgorithm = "ES256"\n')
    shell.done("account", "add", PRINTER, "--generate")
    return shell


def changes(shell):
    return list(read(shell.place / "data" / "audit", "administration"))


def test_a_change_says_who_what_before_and_after(desk):
    desk.done("account", "set", PRINTER, "--display-name", "Third floor")
    line = changes(desk)[-1]
    assert (line["what"], line["about"]) == ("account.set", PRINTER)
    assert line["before"] == {"display_name": ""}
    assert line["after"] == {"display_name": "Third floor"}
    assert "uid" in line["by"]
    assert "password" not in line


def test_what_was_so_before_and_what_was_refused_is_no_change(desk):
    before = len(changes(desk))
    desk.done("account", "set", PRINTER, "--enabled")
    desk.refused("account", "set", "nobody@example.com", "--disabled")
    assert len(changes(desk)) == before


COMMANDS = [
    (("account", "add", "new@example.com", "--generate"), "account.add"),
    (("account", "password", "new@example.com", "--generate"), "account.set"),
    (("account", "set", "new@example.com", "--networks", "10.0.0.0/8"), "account.set"),
    (("account", "release", "new@example.com"), "account.release"),
    (("account", "remove", "new@example.com"), "account.remove"),
    (("mailbox", "add", "user@example.com"), "mailbox.add"),
    (("group", "add", "all@example.com"), "group.add"),
    (("group", "members", "add", "all@example.com", "user@example.com"), "group.add-members"),
    (("group", "add", "sales@example.com", "--filter", "Department -eq 'Sales'"), "group.add"),
    (("group", "set", "sales@example.com", "--filter", "Title -eq 'Clerk'"), "group.set"),
    (("group", "refresh", "sales@example.com"), "group.refresh"),
    (("app", "add", "erp", "--account", PRINTER), "app.add"),
    (("app", "secret", "erp"), "app.secret"),
    (("app", "set", "erp", "--forbid", PRINTER), "app.forbid"),
    (("app", "set", "erp", "--disabled"), "app.set"),
    (("app", "token", "erp"), "app.token"),
    (("app", "rotate"), "app.rotate"),
    (("app", "rotate", "--compromised"), "app.rotate"),
    (("app", "remove", "erp"), "app.remove"),
    (("domain", "add", "other.test"), "domain.add"),
    (("organisation", "set", "--name", "Another"), "organisation.set"),
]


def test_every_command_that_changes_something_is_there_and_no_secret_is(desk):
    said = []
    for words, what in COMMANDS:
        said.append(desk.done(*words).out)
        assert changes(desk)[-1]["what"] == what, words
    text = json.dumps(changes(desk))
    assert "argon2" not in text
    assert "hmac-sha256" not in text
    words = [word for answer in said for word in answer.split()]
    secrets = [word for word in words if "kai~" in word or word.startswith("eyJ")]
    assert len(secrets) == 3, "two of an app, one token"
    assert not any(secret in text for secret in secrets)
    by_what = {line["what"]: line for line in changes(desk)}
    assert by_what["account.add"]["password"] == "changed"
    assert by_what["account.remove"]["before"]["address"] == "new@example.com"
    assert by_what["app.withdraw-keys"]["after"]["withdrawn_keys"]


def test_an_audit_that_cannot_be_written_undoes_nothing(desk):
    audit = desk.place / "data" / "audit"
    audit.rename(audit.with_name("elsewhere"))
    audit.write_text("no folder")
    answer = desk.done("account", "set", PRINTER, "--display-name", "Third floor")
    assert "warning: the audit was not written" in answer.err
    assert "Third floor" in answer.out
