"""When an alert is due: once when it begins, once a day, once when it is over, by each way."""

import pytest

from kairan.alerts.alert import Concern, due_alerts, told_after, without_gone
from kairan.alerts.memory import read_told, write_told
from kairan.outcomes.outcome import Text

HELD = Concern("refusal a", "refusal", "a", Text("held", "保留"), {"jobs": 3})
AGE = Concern("age b", "age", "b", Text("old", "古い"))
WAYS = frozenset({"mail", "webhook"})
DAY = 86_400.0


class Told:
    def __init__(self) -> None:
        self.told = {}
        self.heard = []

    def look(self, now, *concerns, down=frozenset()):
        """Which alerts each way takes; those in `down` take none."""
        for alert in due_alerts(concerns, self.told, WAYS, now=now, repeat_seconds=DAY):
            taken = alert.ways - down
            self.heard += [(one, alert.concern.about, alert.is_over) for one in sorted(taken)]
            self.told = told_after(self.told, alert, taken, now=now)
        self.told = without_gone(self.told, concerns)
        heard, self.heard = self.heard, []
        return heard


def test_a_concern_is_told_once_to_each_way():
    told = Told()
    assert told.look(0, HELD) == [("mail", "a", False), ("webhook", "a", False)]
    assert told.look(60, HELD) == []


def test_another_number_is_the_same_concern():
    told = Told()
    told.look(0, HELD)
    assert (
        told.look(60, Concern("refusal a", "refusal", "a", Text("held", "保留"), {"jobs": 99}))
        == []
    )


def test_it_is_repeated_once_a_day_while_it_lasts():
    told = Told()
    heard = [bool(told.look(hour * 3_600, HELD)) for hour in range(49)]
    assert [hour for hour, spoken in enumerate(heard) if spoken] == [0, 24, 48]


def test_its_end_is_told_to_those_that_heard_of_it():
    told = Told()
    told.look(0, HELD, down={"webhook"})
    assert told.look(60) == [("mail", "a", True)]
    assert told.look(120) == []


def test_a_way_that_was_down_hears_of_it_later_and_the_others_nothing_again():
    told = Told()
    assert told.look(0, HELD, down={"webhook"}) == [("mail", "a", False)]
    assert told.look(60, HELD, down={"webhook"}) == []
    assert told.look(120, HELD) == [("webhook", "a", False)]
    assert told.look(180, HELD) == []


def test_what_nobody_heard_of_begins_and_ends_in_silence():
    told = Told()
    assert told.look(0, HELD, down=WAYS) == []
    assert told.look(60) == []
    assert told.told == {}


def test_each_concern_is_told_by_itself():
    told = Told()
    told.look(0, HELD)
    assert {about for _, about, _ in told.look(60, HELD, AGE)} == {"b"}
    assert {about for _, about, _ in told.look(120, AGE)} == {"a"}


def test_a_restart_repeats_nothing(tmp_path):
    told = Told()
    told.look(0, HELD, down={"webhook"})
    write_told(tmp_path / "alerts.json", told.told)
    again = Told()
    again.told = read_told(tmp_path / "alerts.json")
    assert again.told == told.told
    assert again.look(60, HELD) == [("webhook", "a", False)]


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"told": [{"key": 1}]}', b"\xff", None])
def test_a_file_that_does_not_read_counts_as_empty(tmp_path, octets):
    file = tmp_path / "alerts.json"
    if octets is not None:
        file.write_bytes(octets)
    assert read_told(file) == {}
