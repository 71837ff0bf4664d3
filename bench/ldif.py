"""Entries and changes as LDIF (RFC 2849), for ldapadd, ldapmodify and slapadd."""

import base64
from collections.abc import Mapping, Sequence


def entry(dn: str, values: Mapping[str, str | Sequence[str]]) -> str:
    lines = [_line("dn", dn)]
    lines += [_line(name, text) for name, given in values.items() for text in _texts(given)]
    return "\n".join(lines) + "\n\n"


def modification(dn: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Each attribute gets these values in the place of what it has."""
    lines = [_line("dn", dn), "changetype: modify"]
    for name, given in values.items():
        lines += [f"replace: {name}", *(_line(name, text) for text in _texts(given)), "-"]
    return "\n".join(lines) + "\n\n"


def _texts(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _line(name: str, text: str) -> str:
    return f"{name}:: {base64.b64encode(text.encode()).decode()}"
