"""Distinguished names in one spelling, and values that cannot become syntax."""

import re
from hashlib import blake2b

_ESCAPED_IN_FILTER = str.maketrans({letter: f"\\{ord(letter):02x}" for letter in "\0()*\\"})
_ESCAPE = re.compile(r"(?:\\[0-9a-fA-F]{2})+|\\.", re.DOTALL)
_AROUND = re.compile(r"\s*([,=+;])\s*")
_SPECIAL = ',=+;<>#"\\ '


def escaped(value: str) -> str:
    """For a search filter, RFC 4515 section 3."""
    return value.translate(_ESCAPED_IN_FILTER)


def one_spelling(dn: str) -> str:
    r"""RFC 4514 lets the same name be written in several ways: case, blanks, `\,` or `\2C`."""
    if "\\" in dn:
        dn = _ESCAPE.sub(_unescaped, dn)
    if " " in dn or not dn.isprintable():
        dn = _AROUND.sub(r"\1", dn).strip()
    return dn.lower()


def digest(dn: str) -> bytes:
    """A name of 100 octets as 16: a million are held at once."""
    return blake2b(one_spelling(dn).encode(), digest_size=16).digest()


def _unescaped(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) == 2:
        letters = text[1]
    else:
        octets = bytes.fromhex(text.replace("\\", ""))
        letters = octets.decode("utf-8", errors="replace")
    return "".join(f"\\{ord(one):02x}" if one in _SPECIAL else one for one in letters)
