"""Cells of CSV files, which people open in a spreadsheet."""

from kairan.runtime.visible import visible

# What a spreadsheet takes for a formula when it opens the file; strangers wrote some of it.  The wide
# forms too: those of Japanese input are taken for the narrow ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def cell_text(value: object) -> str:
    """Numbers are numbers; all else is text, whatever it begins with."""
    match value:
        case bool() | None:
            return str(value)
        case int():
            return str(value)
        case float():
            return f"{value:.6f}".rstrip("0").rstrip(".")
    text = str(value)
    line = visible(" ".join(text.splitlines()))
    return f"'{line}" if text.startswith(_FORMULA) else line
