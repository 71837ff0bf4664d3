"""Command lines: bytes to values, or None where the syntax is wrong.

Leniencies, each with the client that needs it; all are safe, for they change no meaning:

- spaces after `MAIL FROM:` and `RCPT TO:` (some Outlook versions, many printers; RFC 5321
  section 3.3 forbids them), and none between the address and its parameters (`<a@b>SIZE=1`).
- any name behind EHLO, or none: devices send their host's label, with blanks, in Shift_JIS or UTF-8.
- verbs, keywords and mechanism names in any case (RFC 5321 section 2.4 asks for it; lower-case
  `auth login` comes from embedded SMTP stacks).
- trailing spaces on a command line (RFC 5321 section 4.1.1 asks receivers to tolerate them).
- an address without angle brackets is NOT taken: which octets belong to it would be a guess.
"""

import re
from dataclasses import dataclass

from kairan.mail.address import NULL_SENDER, POSTMASTER, Address, parse_address
from kairan.mail.envelope import Notify
from kairan.runtime.kept import kept

# RFC 5321 section 4.5.3.1.4 asks for 512 octets; MAIL grows by its extensions' parameters
# (RFC 1870: 26, RFC 3461: 100 + 500 for ORCPT, RFC 6531: 10, RFC 4954: 500).
COMMAND_LINE_OCTETS_MAX = 2_048
AUTH_LINE_OCTETS_MAX = 12_288  # RFC 4954 section 4 calls this enough; longer is answered 500 5.5.6
PARAMETERS_MAX = 16
ENVID_OCTETS_MAX = 100  # RFC 3461 section 4.4
ORCPT_OCTETS_MAX = 500  # RFC 3461 section 4.2
SIZE_DIGITS_MAX = 20  # RFC 1870 section 3
BDAT_DIGITS_MAX = 20
EHLO_ARGUMENT_OCTETS_MAX = 255

_MAIL = re.compile(
    rb"(?i:FROM):[ \t]*<([^<>\x00-\x20\x7f]*|\"[^<>\x00-\x1f\x7f]*)>([A-Za-z0-9 ].*)?"
)
_RCPT = re.compile(rb"(?i:TO):[ \t]*<([^<>\x00-\x20\x7f]+|\"[^<>\x00-\x1f\x7f]*)>([A-Za-z0-9 ].*)?")
_SOURCE_ROUTE = re.compile(rb"@[^:]*:")  # RFC 5321 appendix C: must be accepted, should be ignored
# What stands in Received as it is: names, literals, and what devices add to them.  A comment, the
# semicolon before the date and all else that is structure there are escaped.
_EHLO_LITERAL = re.compile(rb"\[[0-9A-Za-z:.]+\]")
_EHLO_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # no device's name has one
_EHLO_TO_ESCAPE = re.compile(rb"[^A-Za-z0-9._:/-]")
_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461 section 4
_ORCPT = re.compile(r"[A-Za-z0-9-]+;(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")


@dataclass(frozen=True, slots=True)
class Syntax:
    """Why a line is no command: which of the catalogue's syntax outcomes, by key."""

    outcome: str


SYNTAX_ERROR = Syntax("syntax-error")
ADDRESS_INVALID = Syntax("address-invalid")
PARAMETER_UNKNOWN = Syntax("parameter-unknown")
SMTPUTF8_NEEDED = Syntax("smtputf8-needed")


@dataclass(frozen=True, slots=True)
class MailCommand:
    sender: Address
    size: int | None = None
    body: str = ""
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class RcptCommand:
    recipient: Address
    notify: Notify = Notify.UNSET
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class BdatCommand:
    size: int
    last: bool


def parse_ehlo(argument: bytes) -> str | None:
    """RFC 5321 section 4.1.1.1, leniently: the name with other octets written `+XX`, as xtext has it.

    Empty where there is none; None where it is longer than a domain name can be, or has a control.
    """
    name = argument.strip(b" \t")
    if len(name) > EHLO_ARGUMENT_OCTETS_MAX or _EHLO_CONTROL.search(name):
        return None
    if not _EHLO_LITERAL.fullmatch(name):
        name = _EHLO_TO_ESCAPE.sub(lambda found: b"+%02X" % found[0][0], name)
    return name.decode("ascii")


# The same few senders and lists come again and again: reading them twice would be waste.
@kept(octets=4 * 1024 * 1024, key_octets=256)
def parse_mail(argument: bytes) -> MailCommand | Syntax:
    """What follows `MAIL `: RFC 5321 section 4.1.1.2 and its extensions' parameters."""
    match = _MAIL.fullmatch(argument.strip(b" "))
    if match is None:
        return ADDRESS_INVALID if argument.lstrip()[:5].upper() == b"FROM:" else SYNTAX_ERROR
    parameters = _parameters(match[2])
    if isinstance(parameters, Syntax):
        return parameters
    values = _mail_values(parameters)
    if isinstance(values, Syntax):
        return values
    sender = _path(match[1], utf8=values.smtputf8) if match[1] else NULL_SENDER
    if isinstance(sender, Syntax):
        return sender
    return MailCommand(sender, values.size, values.body, values.smtputf8, values.ret, values.envid)


@kept(octets=16 * 1024 * 1024, key_octets=128)
def parse_rcpt(argument: bytes, *, utf8: bool) -> RcptCommand | Syntax:
    """What follows `RCPT `: RFC 5321 section 4.1.1.3, RFC 3461 sections 4.1 and 4.2."""
    match = _RCPT.fullmatch(argument.strip(b" "))
    if match is None:
        return ADDRESS_INVALID if argument[:3].upper() == b"TO:" else SYNTAX_ERROR
    is_postmaster = match[1].lower() == POSTMASTER.encode()  # RFC 5321 section 4.5.1
    recipient = POSTMASTER if is_postmaster else _path(match[1], utf8=utf8)
    if isinstance(recipient, Syntax):
        return recipient
    parameters = _parameters(match[2])
    if isinstance(parameters, Syntax):
        return parameters
    notify, orcpt = Notify.UNSET, ""
    for name, value in parameters.items():
        if name == "NOTIFY":
            found = _notify(value)
            if found is None:
                return SYNTAX_ERROR
            notify = found
        elif name == "ORCPT":
            if len(value) > ORCPT_OCTETS_MAX or not _ORCPT.fullmatch(value):
                return SYNTAX_ERROR
            orcpt = value
        else:
            return PARAMETER_UNKNOWN
    return RcptCommand(recipient, notify, orcpt)


def parse_bdat(argument: bytes) -> BdatCommand | None:
    """RFC 3030 section 2."""
    size, _, last = argument.strip(b" ").partition(b" ")
    if not size.isdigit() or len(size) > BDAT_DIGITS_MAX:
        return None
    last = last.strip(b" ").upper()
    if last not in {b"", b"LAST"}:
        return None
    return BdatCommand(int(size), last == b"LAST")


def _path(text: bytes, *, utf8: bool) -> Address | Syntax:
    route = _SOURCE_ROUTE.match(text)
    try:
        decoded = (text[route.end() :] if route else text).decode("utf-8" if utf8 else "ascii")
    except UnicodeDecodeError:
        return ADDRESS_INVALID if utf8 else SMTPUTF8_NEEDED
    return parse_address(decoded, utf8=utf8) or ADDRESS_INVALID


def _parameters(text: bytes | None) -> dict[str, str] | Syntax:
    """Keyword to value; twice the same keyword is an error, for which one would count?"""
    found: dict[str, str] = {}
    for word in (text or b"").split():
        match = _PARAMETER.fullmatch(word)
        if match is None or len(found) >= PARAMETERS_MAX:
            return SYNTAX_ERROR
        name = match[1].decode("ascii").upper()
        if name in found:
            return SYNTAX_ERROR
        found[name] = (match[2] or b"").decode("ascii")
    return found


def _mail_values(parameters: dict[str, str]) -> MailCommand | Syntax:
    """The parameters of MAIL, checked; the sender is filled in by the caller."""
    size: int | None = None
    body = ret = envid = ""
    utf8 = False
    for name, value in parameters.items():
        match name:
            case "SIZE" if value.isdigit() and len(value) <= SIZE_DIGITS_MAX:  # RFC 1870
                size = int(value)
            case "BODY" if value.upper() in {"7BIT", "8BITMIME", "BINARYMIME"}:  # RFC 6152, 3030
                body = value.upper()
            case "SMTPUTF8" if not value:  # RFC 6531 section 3.4
                utf8 = True
            case "RET" if value.upper() in {"FULL", "HDRS"}:  # RFC 3461 section 4.3
                ret = value.upper()
            case "ENVID" if _XTEXT.fullmatch(value) and len(value) <= ENVID_OCTETS_MAX:
                envid = value
            case "AUTH" if value:  # RFC 4954 section 5: we trust nobody's claim, so it is dropped
                pass
            case "SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID" | "AUTH":
                return SYNTAX_ERROR
            case _:
                return PARAMETER_UNKNOWN
    return MailCommand(NULL_SENDER, size, body, utf8, ret, envid)


def _notify(value: str) -> Notify | None:
    """RFC 3461 section 4.1: NEVER stands alone."""
    notify = Notify.UNSET
    for word in value.upper().split(","):
        if word not in {"NEVER", "SUCCESS", "FAILURE", "DELAY"}:
            return None
        notify |= Notify[word]
    return None if Notify.NEVER in notify and notify != Notify.NEVER else notify
