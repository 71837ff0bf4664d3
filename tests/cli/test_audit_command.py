"""kairan audit: the changes of commands, console and API in one list, and logins where they are asked for."""

import json

import pytest

from kairan.trace.audit_file import append, line_of
from kairan.trace.settings import AuditSettings


@pytest.fixture
def desk(shell):
    """One change by each way in, and a login."""
    shell.done("account", "add", "printer@example.com", "--generate")
    folder = shell.place / "data" / "audit"
    console = {"by": {"console": "hanako"}, "about": "all@example.com", "after": {"hidden": True}}
    append(folder, "web", AuditSettings(), line_of("group.set", console))
    api = {"key": "provisioning", "client": "192.0.2.7", "about": "erp", "after": {}}
    append(folder, "web", AuditSettings(), line_of("app.set", api))
    append(folder, "worker-0", AuditSettings(), line_of("login", {"account": "erp@example.com"}))
    return shell


def shown(desk, *words):
    return json.loads(desk.done("audit", "--json", *words).out)


def test_changes_of_commands_console_and_api_are_in_one_list_in_their_order(desk):
    assert [one["what"] for one in shown(desk)] == ["account.add", "group.set", "app.set"]
    table = desk.done("audit").out
    assert "hanako (console)" in table
    assert "provisioning (API key)" in table


def test_logins_are_shown_where_they_are_asked_for(desk):
    assert "login" in [one["what"] for one in shown(desk, "--logins")]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--about", "ALL@example.com"), ["group.set"]),
        (("--what", "app."), ["app.set"]),
        (("--word", "192.0.2.7"), ["app.set"]),
        (("--limit", "1"), ["app.set"]),
        (("--until", "2020-01-01"), []),
        (("--since", "2020-01-01", "--word", "hanako"), ["group.set"]),
    ],
)
def test_it_is_searched(desk, words, found):
    assert [one["what"] for one in shown(desk, *words)] == found


def test_a_line_that_was_cut_by_a_crash_and_files_set_aside_are_no_obstacle(desk):
    file = desk.place / "data" / "audit" / "web.jsonl"
    file.write_text('{"time": "2026-11-\n' + file.read_text())
    file.rename(file.with_name("web.jsonl.1"))
    assert [one["what"] for one in shown(desk)] == ["account.add", "group.set", "app.set"]
