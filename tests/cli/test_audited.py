"""Each change by a command is in the audit: who, what, before, after, and never a secret."""

import json

import pytest

from attacks.kit import PASSWORD, PAYROLL, PRINTER, USER, running_service, wait_for
from kairan.intake.failure_bursts import FAILURES
from kairan.reports.audit import read


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("audit") / "k", workers=1) as running:
        yield running


def changes(service):
    return list(read(service.place / "data" / "audit", "administration"))


def test_a_change_says_who_what_before_and_after(service):
    service.kairan("account", "set", PRINTER, "--display-name", "Third floor")
    line = changes(service)[-1]
    assert (line["what"], line["about"]) == ("account.set", PRINTER)
    assert line["after"] == {"display_name": "Third floor"}
    assert set(line["before"]) == {"display_name"}
    assert "uid" in line["by"]
    assert "password" not in line


COMMANDS = [
    (("account", "add", "new@kairan.test", "--generate"), "account.add"),
    (("account", "password", "new@kairan.test", "--generate"), "account.set"),
    (("account", "remove", "new@kairan.test"), "account.remove"),
    (("app", "add", "erp", "--account", PRINTER), "app.add"),
    (("app", "secret", "erp"), "app.secret"),
    (("app", "set", "erp", "--forbid", PRINTER), "app.forbid"),
    (("app", "set", "erp", "--disabled"), "app.set"),
    (("app", "token", "erp"), "app.token"),
    (("app", "rotate"), "app.rotate"),
    (("app", "remove", "erp"), "app.remove"),
    (("domain", "add", "other.test"), "domain.add"),
    (("organisation", "set", "--name", "Another"), "organisation.set"),
    (("queue", "hold", "--from", "nobody@kairan.test"), "queue.held"),
    (("session", "end", "--account", PRINTER), "session.end"),
]


def test_every_command_that_changes_something_is_there_and_no_secret_is(service):
    said = []
    for words, what in COMMANDS:
        said.append(service.kairan(*words))
        assert changes(service)[-1]["what"] == what, words
    text = json.dumps(changes(service))
    assert "argon2" not in text
    assert "hmac-sha256" not in text
    secrets = [word for answer in said for word in answer.split() if len(word) > 30]
    secrets = [word for word in secrets if "kai~" in word or word.startswith("eyJ")]
    assert len(secrets) == 3, "two of an app, one token"
    assert not any(secret in text for secret in secrets)
    by_what = {line["what"]: line for line in changes(service)}
    assert by_what["account.add"]["password"] == "changed"
    assert by_what["account.remove"]["before"]["address"] == "new@kairan.test"


def test_logins_and_refused_logins_of_accounts_are_there(service):
    with service.client().login() as client:
        client.send(b"Subject: x\r\n\r\nx", USER)
    with service.client() as client:
        client.auth(PRINTER, "wrong " + PASSWORD)
        client.auth("stranger@kairan.test", "wrong")

    def lines():
        found = list(read(service.place / "data" / "audit", "worker-0"))
        return found if len(found) >= 2 else None

    login, refused = wait_for(lines, "the lines")[-2:]
    assert (login["what"], login["account"], login["client"]) == ("login", PRINTER, "127.0.0.1")
    assert (refused["what"], refused["rule"]) == ("login.refused", "auth-unsuccessful")
    text = json.dumps(lines())
    assert PASSWORD not in text
    assert "stranger" not in text


def test_a_burst_of_failures_on_an_account_is_one_warning(service):
    for _ in range(FAILURES + 3):
        with service.client() as client:
            client.auth(PAYROLL, "guess")

    def warnings():
        lines = [line for line in service.log if "auth.failures-burst" in line]
        return lines or None

    (line,) = wait_for(warnings, "the warning")
    assert "level=warning" in line
    assert f"account={PAYROLL}" in line
