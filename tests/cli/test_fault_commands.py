"""kairan fault, and what the configuration says of a service for tests."""

import pytest

RULE = ("fault", "add", "akiko@example.com", "--answer", "550 5.1.10")
CAPTURE = "\n[capture]\nenabled = true\n"


@pytest.fixture
def testing(shell):
    """An installation with [capture]."""
    file = shell.place / "kairan.toml"
    file.write_text(file.read_text() + CAPTURE)
    return shell


def listed(shell):
    return [
        (one["address"], one["stage"], one["answer"])
        for one in shell.done("fault", "list", "--json").json
    ]


def test_a_rule_is_set_listed_and_removed(testing):
    said = testing.done(*RULE).out
    assert said == "akiko@example.com at rcpt: 550 5.1.10 recipient-unknown\n"
    assert listed(testing) == [("akiko@example.com", "rcpt", "recipient-unknown")]
    testing.done("fault", "add", "*", "--drop", "--at", "dot", "--delay", "2", "--for", "60")
    shown = testing.done("fault", "list").out
    assert "after 2 s drops the connection" in shown
    assert testing.done("fault", "remove", "akiko@example.com").out == "1 rule removed\n"
    assert testing.done("fault", "remove", "--all", "--json").json == {"removed": 1}
    assert listed(testing) == []


@pytest.mark.parametrize(("words", "said"), [
    (("add", "x@example.com"), "name what is to happen"),
    (("add", "x@example.com", "--answer", "none-such"), "docs/errors.md"),
    (("add", "x@example.com", "--drop", "--at", "lunch"), "auth, mail, rcpt"),
    (("remove",), "--all"),
    (("remove", "x@example.com", "--all"), "--all"),
])  # fmt: skip
def test_what_means_nothing_is_refused_with_what_to_write(testing, words, said):
    assert said in testing.refused("fault", *words)


def test_a_service_for_people_knows_no_fault_rules(shell):
    for words in (RULE, ("fault", "list"), ("fault", "remove", "--all")):
        assert "[capture]" in shell.refused(*words)
    assert not (shell.place / "data" / "capture").exists()


def test_check_config_says_plainly_that_it_is_for_tests(testing):
    said = testing("check-config")
    assert "this service is for tests" in said.out + said.err


@pytest.mark.parametrize(("settings", "said"), [
    ("messages_max = 0", "messages_max"),
    ("octets_max = 1000", "message_octets_max"),
])  # fmt: skip
def test_a_store_without_room_is_no_store(testing, settings, said):
    file = testing.place / "kairan.toml"
    file.write_text(file.read_text() + settings + "\n")
    assert said in testing.refused("check-config")


@pytest.mark.parametrize(("to", "said"), [
    ("capture:", "enabled = true"),
    ("capture:maildir:data/maildir", "enabled = true"),
])  # fmt: skip
def test_a_route_that_captures_needs_capture_to_be_on(shell, to, said):
    file = shell.place / "kairan.toml"
    file.write_text(file.read_text().replace("maildir:data/maildir", to))
    answer = shell("check-config")
    assert answer.code != 0
    assert said in answer.out + answer.err


@pytest.mark.parametrize(("to", "is_good"), [
    ("capture:", True),
    ("capture:maildir:data/maildir", True),
    ("capture:smtp://mx.example.com", False),
    ("capture:mx:", False),
    ("capture:capture:", False),
])  # fmt: skip
def test_what_captures_leads_to_a_mailbox_and_nowhere_else(testing, to, is_good):
    file = testing.place / "kairan.toml"
    file.write_text(file.read_text().replace("maildir:data/maildir", to))
    assert ("write capture: or" in testing("check-config").err) is not is_good
