"""What the header must show: one author, who is the account; no loop."""

from kairan.admission.fields import authors_in, shown_in
from kairan.admission.sender import owns
from kairan.admission.settings import AdmissionSettings, DisplayNames
from kairan.directory.model import Account, Organisation
from kairan.mail.address import Address, domain_of
from kairan.mail.authors import Unclear
from kairan.mail.header import Header
from kairan.outcomes.catalogue import (
    DISPLAY_NAME_NOT_YOURS,
    FROM_INVALID,
    HEADER_FROM_NOT_YOURS,
    LOOP_DETECTED,
)
from kairan.outcomes.decision import ACCEPT, Decision, Refuse


def judge_header(
    account: Account, settings: AdmissionSettings, header: Header, organisation: Organisation
) -> Decision:
    """RFC 5322 section 3.6.2: one From, and Sender where another hand sent it.

    A missing From is no breach here: it is stamped from the envelope (RFC 6409 section 8).
    """
    if header.received >= settings.received_max:  # RFC 5321 section 6.3
        return Refuse(LOOP_DETECTED, detail=f"{header.received} Received fields")
    if len(header.senders) > 1 or len(header.sender) > 1:
        return Refuse(FROM_INVALID, detail="more than one From or Sender field")
    for value in (*header.senders, *header.sender):
        verdict = _judge_authors(account, settings, value, organisation)
        if isinstance(verdict, Refuse):
            return verdict
    return ACCEPT


def _judge_authors(
    account: Account, settings: AdmissionSettings, value: bytes, organisation: Organisation
) -> Decision:
    authors = authors_in(value)
    if isinstance(authors, Unclear):
        return _unclear("From or Sender is not a plain list of mailboxes", authors.characters)
    for address in authors.addresses:
        if not owns(account, address):
            return Refuse(HEADER_FROM_NOT_YOURS, detail=f"{account.address} as {address}")
    for address in authors.others:
        if not owns(account, address) and _could_be_reached(address, organisation):
            return _unclear(f"{address} may be read in it too", authors.characters)
    if settings.foreign_display_names is DisplayNames.REFUSE:
        for address in shown_in(value, account, organisation):
            return Refuse(DISPLAY_NAME_NOT_YOURS, detail=f"{account.address} as {address}")
    return ACCEPT


def _could_be_reached(address: Address, organisation: Organisation) -> bool:
    """`scan@3F` is a place on the third floor, not an address."""
    domain = domain_of(address)
    return "." in domain or ":" in domain or domain in organisation.accepted_domains


def _unclear(detail: str, characters: str) -> Refuse:
    named = " ".join(_name(character) for character in characters)
    said = f"unquoted: {named}" if named else ""
    return Refuse(FROM_INVALID, detail=f"{detail} {said}".rstrip(), said=said)


def _name(character: str) -> str:
    return character if character.isprintable() else f"0x{ord(character):02X}"
