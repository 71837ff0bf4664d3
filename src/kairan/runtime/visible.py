r"""What strangers wrote, made fit for a terminal, a log and a report.

A control character moves the cursor, an ESC or a C1 control begins a command to the terminal, a
bidirectional control shows a line in another order than it stands, and a line end forges a line.
All of them are shown by their number instead, as Python writes it: `\x1b`, `\u202e`.
"""

import re

# `str.isprintable` is false for controls (C0, DEL, C1), format characters (bidirectional ones, zero
# width), surrogates, private and unassigned points, line and paragraph separators, and for every
# blank but the ASCII one.  Those blanks stay: Japanese names are written with U+3000.
_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNPRINTABLE = re.compile(rf"[^ -~{_BLANKS}]")


def visible(text: str) -> str:
    """One line, whatever `text` holds; letters of any script stay as they are."""
    return text if text.isprintable() else _UNPRINTABLE.sub(_shown, text)


def visible_lines(text: str) -> str:
    """As `visible`, for text that has several lines of its own, ended by LF or CRLF."""
    if text.isprintable():
        return text
    return "\r\n".join("\n".join(map(visible, p.split("\n"))) for p in text.split("\r\n"))


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
