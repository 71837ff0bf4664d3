"""One is one, and two are several."""

import pytest

from kairan.runtime.counted import counted
from kairan.runtime.repeated_failure import RepeatedFailure


@pytest.mark.parametrize(
    ("number", "what", "said"),
    [
        (1, "mailbox", "1 mailbox"),
        (2, "mailbox", "2 mailboxes"),
        (0, "entry", "0 entries"),
        (5, "day", "5 days"),
        (1, "broken row", "1 broken row"),
        (3, "address", "3 addresses"),
        (2, "batch", "2 batches"),
    ],
)
def test_a_number_has_its_noun(number, what, said):
    assert counted(number, what) == said


def test_a_number_is_written_as_it_is_asked_for():
    assert counted(12_345, "message", ",") == "12,345 messages"


def test_trouble_is_said_when_it_begins_changes_and_ends():
    trouble = RepeatedFailure()
    assert [trouble.is_new("full"), trouble.is_new("full"), trouble.is_new("gone")] == [
        True,
        False,
        True,
    ]
    assert [trouble.is_over(), trouble.is_over()] == [True, False]
    assert trouble.is_new("gone")
