"""Log lines: one event is one line, whatever a peer calls itself."""

import sys

import pytest
import structlog

from kairan.runtime.logs import line, set_up, word


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("box@example.com", "box@example.com"),
        (0.25, "0.25"),
        ("two words", '"two words"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a=b", '"a=b"'),
        ("line\r\nlevel=error", '"line\\r\\nlevel=error"'),
        ("\x1b[2J", '"\\u001b[2J"'),
        ("\u2028", '"\\u2028"'),
        ("回覧", '"回覧"'),
        ("", '""'),
        ("back\\slash", '"back\\\\slash"'),
    ],
)
def test_a_value_is_bare_only_where_it_cannot_be_mistaken(value, written):
    assert word(value) == written


def test_time_level_and_event_come_first_then_the_fields_in_their_order():
    written = line(None, "info", {"to": "a@b.example", "event": "<1@x>", "status": "delivered"})

    assert written.split(" ", 1)[1] == "level=info event=<1@x> to=a@b.example status=delivered"


def test_an_exception_is_a_field_of_the_same_line():
    written = line(None, "error", {"event": "defect", "exc_info": ValueError("two\nlines")})

    assert "\n" not in written
    assert "ValueError: two" in written


class FullDisk:
    def write(self, text):
        raise OSError(28, "No space left on device")

    def flush(self):
        raise BrokenPipeError


def test_a_log_that_takes_no_more_costs_lines_and_nothing_else(monkeypatch):
    monkeypatch.setattr(sys, "stderr", FullDisk())
    before = structlog.get_config()
    try:
        set_up()
        structlog.get_logger("kairan.test").info("delivered", to="box@example.com")
    finally:
        structlog.configure(**before)
