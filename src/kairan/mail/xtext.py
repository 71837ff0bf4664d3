"""xtext: how ORCPT and ENVID travel on one line (RFC 3461 section 4)."""

import re

_TO_ESCAPE = re.compile(r"[^!-*,-<>-~]")  # "+", "=", and what does not print
_ESCAPED = re.compile(r"\+([0-9A-F]{2})")
_UTF8_ESCAPED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")  # RFC 6533 section 3, utf-8-addr-xtext


def encode_xtext(text: str) -> str:
    """Beyond ASCII the code point is embedded as RFC 6533 section 3 has it."""
    return _TO_ESCAPE.sub(lambda found: _escape(ord(found[0])), text)


def decode_xtext(text: str) -> str:
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return _UTF8_ESCAPED.sub(lambda found: _character(found[1], found[0]), plain)


def _escape(point: int) -> str:
    return f"+{point:02X}" if point < 0x80 else f"\\x{{{point:X}}}"


def _character(digits: str, otherwise: str) -> str:
    point = int(digits, 16)
    return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else otherwise
