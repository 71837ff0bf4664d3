"""Addresses: parsed once at the door, plain text from there on.

An `Address` is the text `local@domain` as RFC 5321 section 4.1.2 writes it, the domain in lower
case, the local part as given; the empty text is the null sender.  It is a `NewType` of `str`: a
list of 100,000 members must not cost 100,000 objects more than its text.
"""

import re
from typing import NewType

Address = NewType("Address", str)

LOCAL_PART_OCTETS_MAX = 64  # RFC 5321 section 4.5.3.1.1
DOMAIN_OCTETS_MAX = 255  # RFC 5321 section 4.5.3.1.2
PATH_OCTETS_MAX = 254  # RFC 5321 section 4.5.3.1.3 allows 256 with the angle brackets

NULL_SENDER = Address("")
# RFC 5321 section 4.5.1: the one recipient that may be named without a domain.  Only a command says
# it; the intake puts the organisation's postmaster in its place.
POSTMASTER = Address("postmaster")

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_U = r"[^\x00-\x7f]"  # RFC 6531 section 3.3: UTF-8 beyond ASCII, where SMTPUTF8 was asked for
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'  # RFC 5321 Quoted-string
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]"
_ULABEL = rf"(?:[A-Za-z0-9]|{_U})(?:(?:[A-Za-z0-9-]|{_U}){{0,61}}(?:[A-Za-z0-9]|{_U}))?"

_ASCII_ADDRESS = re.compile(
    rf"(?:{_ATEXT}+(?:\.{_ATEXT}+)*|{_QUOTED})@(?:{_DOMAIN}|{_LITERAL})", re.ASCII
)
_UTF8_ADDRESS = re.compile(
    rf"(?:(?:{_ATEXT}|{_U})+(?:\.(?:{_ATEXT}|{_U})+)*|{_QUOTED})@(?:{_ULABEL}(?:\.{_ULABEL})*|{_LITERAL})"
)


def parse_address(text: str, *, utf8: bool = False) -> Address | None:
    """The address in `text` (no angle brackets), or None where it is none.

    `utf8` admits RFC 6531 addresses.  White space, controls (U+0085, U+2028 … too) and addresses
    over the RFC's lengths are never addresses.
    """
    if not (_UTF8_ADDRESS if utf8 else _ASCII_ADDRESS).fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    if utf8 and not text.isascii():
        if not text.isprintable() or len(text.encode()) > PATH_OCTETS_MAX:
            return None
        local_octets = len(local.encode())
    else:
        local_octets = len(local)
    if local_octets > LOCAL_PART_OCTETS_MAX or len(text) > PATH_OCTETS_MAX:
        return None
    return Address(f"{local}@{domain.lower()}")


def local_of(address: Address) -> str:
    return address.rpartition("@")[0]


def domain_of(address: Address) -> str:
    """The domain, in lower case; empty for the null sender."""
    return address.rpartition("@")[2]


def is_postmaster(address: Address) -> bool:
    """RFC 5321 section 4.5.1: in any case, with a domain or without."""
    return address.partition("@")[0].lower() == POSTMASTER


def address_literal(ip_address: str) -> str:
    """RFC 5321 section 4.1.3; a zone (`%eth0`) means nothing to anybody else."""
    tag = "IPv6:" if ":" in ip_address else ""
    return f"[{tag}{ip_address.partition('%')[0]}]"


def key_of(address: str) -> str:
    """What to compare and look up by: Exchange treats local parts without regard to case."""
    return address.lower()
