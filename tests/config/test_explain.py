"""Every setting is explained, from the comment beside it."""

from collections import Counter
from dataclasses import dataclass

from kairan.config.explain import _comments, explain


@dataclass(frozen=True, slots=True)
class Example:
    # The first two share
    # what stands above.
    one: int = 1
    two: int = 2
    three: int = 3  # its own
    five: int = 5


def test_comments_above_and_behind_belong_to_a_setting():
    assert _comments(Example) == {
        "one": "The first two share what stands above.",
        "two": "The first two share what stands above.",
        "three": "its own",
        "five": "",
    }


def test_the_linters_marks_are_no_part_of_a_reason():
    found = {(one.section, one.key): one for one in explain()}
    assert found["[[listener]]", "host"].reason == "a mail service is there to be reached"


def test_every_setting_says_why():
    assert [f"{one.section} {one.key}" for one in explain() if not one.reason] == []


def test_no_setting_stands_there_twice():
    places = Counter((one.section, one.key) for one in explain())
    assert max(places.values()) == 1


def test_settings_within_settings_have_a_section_of_their_own():
    found = {(one.section, one.key): one for one in explain()}
    assert found["[delivery.retry]", "expiry_seconds"].default == "86400.0"
    assert found["[delivery.retry]", "expiry_seconds"].unit == "seconds"
    assert found["[[delivery.routes]]", "to"].default == "(required)"


def test_allowed_words_and_absent_values_are_named():
    found = {(one.section, one.key): one for one in explain()}
    assert found["[[listener]]", "role"].kind == '"hve", "client", "device"'
    assert found["[admission]", "messages_per_minute_max"].kind == 'whole number or "none"'
    assert found["[server]", "workers"].default == "none"
