"""Lines that a peer can cause at will are bounded, and what was left out is told."""

from structlog.testing import capture_logs

from kairan.runtime.limited_lines import MINUTE_SECONDS, LimitedLines


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def counts(said):
    return [
        (line.get("client", "all others"), line["count"])
        for line in said
        if line["event"] == "runtime.alike-lines-left-out"
    ]


def test_a_kind_has_so_many_lines_a_minute_and_the_rest_is_counted_when_it_is_over():
    clock = Clock()
    lines = LimitedLines(of_one_kind_max=3, clock=clock)
    with capture_logs() as said:
        room = [lines.has_room("intake.refused", client="192.0.2.1") for _ in range(10)]
        assert lines.has_room("intake.refused", client="192.0.2.2")
        assert room == [True] * 3 + [False] * 7
        lines.tell()
        assert not said
        clock.now += MINUTE_SECONDS
        lines.tell()
        assert counts(said) == [("192.0.2.1", 7)]
        assert said[0]["of"] == "intake.refused"
        assert lines.has_room("intake.refused", client="192.0.2.1")


def test_the_next_line_of_a_later_minute_brings_the_count_too():
    clock = Clock()
    lines = LimitedLines(of_one_kind_max=1, clock=clock)
    with capture_logs() as said:
        lines.has_room("intake.refused", client="192.0.2.1")
        lines.has_room("intake.refused", client="192.0.2.1")
        clock.now += MINUTE_SECONDS
        lines.has_room("intake.refused", client="192.0.2.9")
    assert counts(said) == [("192.0.2.1", 1)]


def test_a_flood_from_everywhere_is_bounded_in_lines_and_in_memory():
    clock = Clock()
    lines = LimitedLines(max=50, clock=clock)
    with capture_logs() as said:
        written = sum(lines.has_room("intake.refused", client=str(n)) for n in range(10_000))
        assert written == 50
        assert len(lines._counts) == 50
        clock.now += MINUTE_SECONDS
        lines.tell()
    assert counts(said) == [("all others", 9_950)]


def test_nothing_is_lost_of_the_count():
    clock = Clock()
    lines = LimitedLines(of_one_kind_max=2, max=20, clock=clock)
    written = 0
    with capture_logs() as said:
        for n in range(5_000):
            clock.now += 0.1
            written += lines.has_room("intake.refused", client=str(n % 37))
        lines.tell(at_once=True)
    assert written + sum(count for _, count in counts(said)) == 5_000
