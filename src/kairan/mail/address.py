"""Addresses: parsed once where they come in, plain text from there on.

An `Address` is the text `local@domain` as RFC 5321 section 4.1.2 writes it, the domain in lower
case, the local part as given but with quotes only where it needs them (section 4.1.2 calls both
forms one mailbox); the empty text is the null sender.  It is a `NewType` of `str`: a
list of 100,000 members must not cost 100,000 objects more than its text.
"""

import re
from typing import NewType

from kairan.mail.international import comparable_domain, comparable_text

Address = NewType("Address", str)

LOCAL_PART_OCTETS_MAX = 64  # RFC 5321 section 4.5.3.1.1
KEY_CHARACTERS_MAX = 1_024  # no address is longer, and NFC of a row of accents takes its square
DOMAIN_OCTETS_MAX = 255  # RFC 5321 section 4.5.3.1.2
PATH_OCTETS_MAX = 254  # RFC 5321 section 4.5.3.1.3 allows 256 with the angle brackets

NULL_SENDER = Address("")
# RFC 5321 section 4.5.1: the one recipient that may be named without a domain.  Only a command says
# it; the intake puts the organisation's postmaster in its place.
POSTMASTER = Address("postmaster")

# What stands in brackets: one set of characters is compared in a third of the time of a choice of sets.
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
# RFC 6531 section 3.3: UTF-8 beyond ASCII, where SMTPUTF8 was asked for.  By what is left out, for a set
# with all of Unicode in it is compiled for ten milliseconds.
_NO_UTEXT = r"\x00-\x20\"(),:;<>@\[-\]\x7f"  # neither a dot nor atext, in ASCII
_NO_ULABEL = r"\x00-/:-@\[-`{-\x7f"
_NO_ULABEL_NOR_HYPHEN = r"\x00-,./:-@\[-`{-\x7f"
# Mobile carriers in Japan gave out addresses such as `name.@` and `a..b@`, which section 4.1.2 allows
# in quotes alone; applications write them without.
_ODD_DOTS = re.compile(r"\.|.*\.\.|.*\.\Z", re.DOTALL)
_DOT_ATOM = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*", re.ASCII)
_QUOTED_PAIR = re.compile(r"\\(.)")
_TO_ESCAPE = re.compile(r"([\"\\])")
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'  # RFC 5321 Quoted-string
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]"
_ULABEL = rf"[^{_NO_ULABEL}](?:[^{_NO_ULABEL_NOR_HYPHEN}]{{0,61}}[^{_NO_ULABEL}])?"

# A domain may end in the dot of the root, as DNS writes it; it is left out of the address.
_ASCII_ADDRESS = re.compile(rf"(?:[{_ATEXT}.]+|{_QUOTED})@(?:{_DOMAIN}\.?|{_LITERAL})", re.ASCII)
_UTF8_ADDRESS = re.compile(
    rf"(?:[^{_NO_UTEXT}]+|{_QUOTED})@(?:{_ULABEL}(?:\.{_ULABEL})*\.?|{_LITERAL})"
)


def parse_address(text: str, *, utf8: bool = False) -> Address | None:
    """The address in `text` (no angle brackets), or None where it is none.

    `utf8` admits RFC 6531 addresses.  White space, controls (U+0085, U+2028 … too) and addresses
    over the RFC's lengths are never addresses.
    """
    if len(text) > PATH_OCTETS_MAX + 1:  # with the dot of the root; before a pattern looks at it
        return None
    if not (_UTF8_ADDRESS if utf8 else _ASCII_ADDRESS).fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    if local[0] == '"':
        local = _without_needless_quotes(local)
    elif _ODD_DOTS.match(local):
        local = f'"{local}"'
    address = f"{local}@{domain.lower().removesuffix('.')}"
    if utf8 and not text.isascii():
        if not text.isprintable():
            return None
        local_octets, octets = len(local.encode()), len(address.encode())
    else:
        local_octets, octets = len(local), len(address)
    if local_octets > LOCAL_PART_OCTETS_MAX or octets > PATH_OCTETS_MAX:
        return None
    return Address(address)


def _without_needless_quotes(quoted: str) -> str:
    text = _QUOTED_PAIR.sub(r"\1", quoted[1:-1])
    if _DOT_ATOM.fullmatch(text):
        return text
    escaped = _TO_ESCAPE.sub(r"\\\1", text)
    return f'"{escaped}"'


def local_of(address: Address) -> str:
    return address.rpartition("@")[0]


def domain_of(address: Address) -> str:
    """The domain as it is compared: in lower case, in ASCII; empty for the null sender."""
    domain = address[address.rfind("@") + 1 :]
    return domain if domain.isascii() else comparable_domain(domain)


def ascii_form(address: Address) -> Address:
    """In ASCII, if its local part is: the domain as its A-labels; else as it is."""
    if address.isascii() or not local_of(address).isascii():
        return address
    return Address(f"{local_of(address)}@{domain_of(address)}")


def is_postmaster(address: Address) -> bool:
    """RFC 5321 section 4.5.1: in any case, with a domain or without."""
    return address.partition("@")[0].lower() == POSTMASTER


def address_literal(ip_address: str) -> str:
    """RFC 5321 section 4.1.3; a zone (`%eth0`) means nothing to anybody else."""
    tag = "IPv6:" if ":" in ip_address else ""
    return f"[{tag}{ip_address.partition('%')[0]}]"


def key_of(address: str) -> str:
    """What to compare and look up by: Exchange treats local parts without regard to case.

    Also of a domain alone, and of a route's pattern.
    """
    key = address.lower()
    return key if key.isascii() else _key_beyond_ascii(address)


def _key_beyond_ascii(address: str) -> str:
    if len(address) > KEY_CHARACTERS_MAX:
        return address.lower()
    local, at, domain = address.rpartition("@")
    return f"{comparable_text(local)}{at}{comparable_domain(domain)}"
