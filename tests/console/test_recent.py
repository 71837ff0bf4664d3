from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from kairan.console.recent import Recent


def test_what_was_made_serves_all_who_ask_within_its_time():
    now, numbers = [100.0], count(1)
    recent = Recent(5.0, clock=lambda: now[0])
    assert [recent.of("a", lambda: next(numbers)) for _ in range(3)] == [1, 1, 1]
    assert recent.of("b", lambda: next(numbers)) == 2
    now[0] += 5.0
    assert recent.of("a", lambda: next(numbers)) == 3


def test_who_asks_while_it_is_made_waits_for_it():
    may_end, numbers = Event(), count(1)
    recent = Recent(60.0)

    def slowly():
        may_end.wait(30)
        return next(numbers)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(recent.of, "a", slowly) for _ in range(4)]
        may_end.set()
        assert [one.result() for one in asked] == [1] * 4


def test_what_failed_is_made_anew():
    recent = Recent(60.0)
    with pytest.raises(ZeroDivisionError):
        recent.of("a", lambda: 1 // 0)
    assert recent.of("a", lambda: 7) == 7
