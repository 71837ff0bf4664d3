"""kairan directory sync and status, with a CSV as the source."""

import pytest

PEOPLE = """id,address,displayName,department,groups
1,ann@example.com,Ann,Sales,all@example.com
2,bob@example.com,Bob,Finance,all@example.com
3,eve@example.com,Eve,Finance,
4,dan@example.com,Dan,Finance,
"""


@pytest.fixture
def source(shell):
    file = shell.place / "kairan.toml"
    table = '[[directory.sources]]\nname = "hr"\nkind = "csv"\nfile = "people.csv"\n'
    file.write_text(file.read_text() + "\n" + table)
    path = shell.place / "people.csv"
    path.write_text(PEOPLE)
    return path


def test_a_dry_run_shows_what_a_sync_does(shell, source):
    planned = shell.done("directory", "sync", "--dry-run", "--json").json["sources"]["hr"]
    assert shell("mailbox", "show", "ann@example.com").code != 0
    done = shell.done("directory", "sync", "--json").json["sources"]["hr"]
    assert planned["counts"] == done["counts"] == {"person add": 4, "group add": 1}
    assert (planned["members_added"], done["members_added"]) == (2, 2)
    box = shell.done("mailbox", "show", "ann@example.com", "--json").json
    assert box["attributes"]["department"] == "Sales"


def test_a_change_is_named(shell, source):
    shell.done("directory", "sync")
    source.write_text(PEOPLE.replace("Ann,Sales", "Ann,Finance"))
    assert "change person ann@example.com: department" in shell.done("directory", "sync").out


def test_half_of_the_people_changes_nothing_and_says_how_to_go_on(shell, source):
    shell.done("directory", "sync")
    source.write_text("\n".join(PEOPLE.splitlines()[:3]))
    answer = shell("directory", "sync", "hr")
    assert answer.code != 0
    assert "2 of 4" in answer.err
    (state,) = shell.done("directory", "status", "--json").json
    assert (state["people"], "2 of 4" in state["problem"]) == (4, True)
    shell.done("directory", "sync", "hr", "--accept-loss")
    (state,) = shell.done("directory", "status", "--json").json
    assert state["problem"] == ""


def test_a_broken_file_leaves_the_last_good_copy(shell, source):
    shell.done("directory", "sync")
    source.write_text("id,address\n1,nonsense\n")
    assert shell("directory", "sync").code != 0
    shell.done("mailbox", "show", "ann@example.com")


def test_what_is_not_due_is_not_taken(shell, source):
    assert "hr" in shell.done("directory", "sync", "--due", "--json").json["sources"]
    assert shell.done("directory", "sync", "--due", "--json").json["sources"] == {}


def test_a_source_of_another_name_is_refused(shell, source):
    answer = shell("directory", "sync", "nobody")
    assert answer.code != 0
    assert "hr" in answer.err


def test_a_source_that_was_never_read_is_shown(shell, source):
    (state,) = shell.done("directory", "status", "--json").json
    assert (state["name"], state["age_seconds"], state["people"]) == ("hr", None, 0)
    assert "never" in shell.done("directory", "status").out
