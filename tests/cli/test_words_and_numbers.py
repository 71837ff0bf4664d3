"""What people are shown is in their words: no seconds since 1970, no True, one mailbox and two."""

import re

import pytest

EPOCH = re.compile(r"\b1[5-9]\d{8}\b")
SHOWN = [
    ("organisation", "show"),
    ("mailbox", "show", "ann@example.com"),
    ("account", "show", "erp@example.com"),
    ("account", "list"),
    ("policy", "list"),
    ("app", "show", "erp"),
    ("app", "rotate"),
    ("queue", "stats"),
    ("trace",),
]


@pytest.fixture
def full(shell):
    people = shell.place / "people.csv"
    people.write_text("address\nann@example.com\n")
    shell.done("mailbox", "import", people)
    shell.done("account", "add", "erp@example.com", "--generate")
    shell.done("policy", "add", "P001", "--allow-basic-auth-smtp", "on")
    shell.done("app", "add", "erp", "--account", "erp@example.com")
    shell.done("app", "secret", "erp")
    return shell


def test_no_answer_has_seconds_since_the_epoch_or_the_words_of_python(full):
    for words in SHOWN:
        said = full.done(*words).out
        assert not EPOCH.search(said), words
        assert not re.search(r"\b(?:True|False|None)\b|<\w+\.\w+", said), words


def test_a_policy_is_shown_with_what_it_does(full):
    assert "P001 (basic auth allowed)" in full.done("organisation", "show").out


def test_one_mailbox_is_one(full, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("address\nbob@example.com\n")
    assert "1 mailbox added" in full.done("mailbox", "import", people).out
    people.write_text("address\ncid@example.com\ndan@example.com\n")
    assert "2 mailboxes added" in full.done("mailbox", "import", people).out
