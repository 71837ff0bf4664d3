"""docs/tour.md shows what terminals show."""

import pytest

from tour.tour import SOURCE, can_be_made, masked, page

PAGE = SOURCE / "docs" / "tour.md"


@pytest.mark.peers
@pytest.mark.skipif(not can_be_made(), reason="needs make and swaks (make peers)")
def test_the_tour_is_what_terminals_show():
    written, shown = PAGE.read_text(encoding="utf-8"), page()
    assert masked(shown).split() == masked(written).split(), (
        "PYTHONPATH=tests .venv/bin/python -m tour.tour > docs/tour.md"
    )


def test_no_line_of_a_narrow_terminal_is_cut():
    """What did not fit would end in an ellipsis."""
    assert "…" not in PAGE.read_text(encoding="utf-8").replace("…/", "")
