"""Logins of accounts are in the audit; what strangers invent is not."""

import json

import pytest

from kairan.intake.failure_bursts import FAILURES
from kairan.trace.audit_file import read
from kit.live import PASSWORD, PAYROLL, PRINTER, running_service, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("audit") / "k", workers=1) as running:
        yield running


def lines_of(service, account):
    folder = service.place / "data" / "audit"

    def look():
        """Each worker has a file, from its first line on."""
        workers = sorted(path.stem for path in folder.glob("worker-*.jsonl"))
        found = [line for worker in workers for line in read(folder, worker)]
        return [line for line in found if line["account"] == account] or None

    return wait_for(look, f"lines of {account}")


def test_a_login_and_a_refused_one_are_told_with_whence_and_why(service):
    with service.client() as client:
        client.auth("stranger@kairan.test", "wrong")
        client.auth(PRINTER, "wrong " + PASSWORD)
    with service.client().login():
        wait_for(lambda: len(lines_of(service, PRINTER)) == 2, "both")
    refused, login = lines_of(service, PRINTER)
    assert (refused["what"], refused["rule"]) == ("login.refused", "auth-unsuccessful")
    assert (login["what"], login["client"], login["mechanism"]) == ("login", "127.0.0.1", "PLAIN")
    text = json.dumps([refused, login])
    assert PASSWORD not in text
    files = (service.place / "data" / "audit").glob("worker-*.jsonl")
    assert not any("stranger" in file.read_text() for file in files)


def test_a_burst_of_failures_on_an_account_is_one_warning(service):
    for _ in range(FAILURES + 3):
        with service.client("device") as client:
            client.auth(PAYROLL, "guess")

    def warnings():
        return [line for line in service.log if "intake.login-failures-burst" in line] or None

    (line,) = wait_for(warnings, "the warning")
    assert "level=warning" in line
    assert f"account={PAYROLL}" in line
