"""When two texts are the same: case, width and blanks do not count, as in directory servers.

RFC 4518 (LDAP's string preparation): compatibility forms are one (full-width Latin is
Latin, half-width kana are kana), upper and lower case are one, blanks at the ends do not count and several within are one.  We map
letter by letter to lower case, as OpenLDAP does, so the sharp s and a double s stay different.
"""

from unicodedata import normalize


def fold(text: str) -> str:
    return " ".join(normalize("NFKC", text).lower().split())


def fold_parts(parts: tuple[str, ...]) -> tuple[str, ...]:
    """What stands between the `*` of a pattern: a blank beside a `*` counts."""
    folded = []
    for number, part in enumerate(parts):
        lowered = normalize("NFKC", part).lower()
        words = " ".join(lowered.split())
        before = " " if number > 0 and lowered[:1].isspace() else ""
        after = " " if number < len(parts) - 1 and lowered[-1:].isspace() else ""
        folded.append(f"{before}{words}{after}" if words else before or after)
    return tuple(folded)
