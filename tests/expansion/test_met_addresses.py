"""Which addresses were met: in memory and beyond it alike."""

import pytest

from kairan.expansion.met_addresses import MetAddresses


@pytest.fixture(params=[10_000, 5, 0])
def seen(request):
    found = MetAddresses(request.param)
    yield found
    found.close()


def test_what_was_met_is_not_new_again_whatever_piece_it_comes_in(seen):
    assert list(seen.add(["a", "b", "c"])) == ["a", "b", "c"]
    assert list(seen.add(["b", "c", "d", "d", "é", "e'\""])) == ["d", "é", "e'\""]
    assert list(seen.add(["é", "a", "e'\"", "f"])) == ["f"]
    assert list(seen.add([])) == []
    assert len(seen) == 7


def test_what_is_taken_back_is_new_again_and_what_was_before_is_not(seen):
    seen.add(["a", "b", "c"])
    seen.mark()
    seen.add(["c", "d", "e", "f"])
    seen.add(["g"])
    seen.take_back()
    assert len(seen) == 3
    assert list(seen.add(["a", "d", "g"])) == ["d", "g"]


def test_a_second_mark_leaves_what_was_before_it(seen):
    seen.mark()
    seen.add(["a", "b", "c", "d"])
    seen.mark()
    seen.add(["d", "e", "f"])
    seen.take_back()
    assert list(seen.add(["d", "e"])) == ["e"]
