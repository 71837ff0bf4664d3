"""docs/states.md shows the table of the conversation as it is today."""

from pathlib import Path

from kairan.smtp.server.states import drawing

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_drawing_is_fresh():
    page = PAGE.read_text(encoding="utf-8")
    assert f"```mermaid\n{drawing()}\n```" in page, "paste what `drawing()` returns"
