"""What a submission's header may not bring in, and what is taken out or put right before it goes on."""

import re
from collections.abc import Callable

from kairan.admission.sender import owns
from kairan.admission.settings import AdmissionSettings, DisplayNames
from kairan.directory.model import Account, Organisation
from kairan.mail.address import Address, domain_of
from kairan.mail.authors import Authors, Unclear, read_authors
from kairan.mail.header import COALESCE, Header
from kairan.runtime.kept import kept

Edit = Callable[[bytes, bytes], bytes | None]


# An application's messages all carry the same From.
@kept(octets=4 * 1024 * 1024, key_octets=512)
def authors_in(value: bytes) -> Authors | Unclear:
    return read_authors(value)


_PRIVATE = frozenset({b"bcc", b"resent-bcc", b"return-path"})
# Exchange's header firewall: fields by which its servers tell each other what they have found out.
_EXCHANGES_OWN = (
    b"x-ms-exchange-organization-",
    b"x-ms-exchange-forest-",
    b"x-ms-exchange-crosstenant-",
    b"x-ms-exchange-crosspremises-",
)
# RFC 8601 section 2.2: who has judged, in front of the first semicolon, perhaps behind comments.
_AUTHSERV_ID = re.compile(
    rb'(?:[ \t\r\n]++|\([^()]*+\))*+"?([A-Za-z0-9._\x80-\xff-]++)"?[ \t\r\n]*+[0-9]*+[ \t\r\n]*+[;(]'
)


def field_edit(
    account: Account,
    settings: AdmissionSettings,
    header: Header,
    organisation: Organisation,
    hostname: str,
) -> Edit | None:
    """How the header must change; None: not at all, as nearly always."""
    if not header.watched and settings.foreign_display_names is not DisplayNames.REWRITE:
        return None
    gone = frozenset(
        field
        for field in header.watched
        if is_unwelcome(*field, settings=settings, organisation=organisation, hostname=hostname)
    )
    renamed: dict[bytes, bytes] = {}
    if settings.foreign_display_names is DisplayNames.REWRITE:
        renamed = {
            value: _without_name(value)
            for value in (*header.senders, *header.sender)
            if shown_in(value, account, organisation)
        }
    if not gone and not renamed:
        return None
    return lambda name, value: (
        b""
        if (name, value) in gone
        else renamed.get(value)
        if name in {b"from", b"sender"}
        else None
    )


def is_unwelcome(
    name: bytes,
    value: bytes,
    *,
    settings: AdmissionSettings,
    organisation: Organisation,
    hostname: str,
) -> bool:
    if name == COALESCE:  # a word to us alone
        return True
    if name in _PRIVATE:
        return settings.private_fields_removed
    if name == b"authentication-results":
        return _is_of_ours(value, organisation, hostname)
    return name.startswith(_EXCHANGES_OWN)


def _is_of_ours(value: bytes, organisation: Organisation, hostname: str) -> bool:
    """RFC 8601 section 5.  One that names nobody could be read as ours."""
    found = _AUTHSERV_ID.match(value)
    if found is None:
        return True
    host = domain_of(Address("@" + found[1].decode("utf-8", "replace").lower().rstrip(".")))
    ours = {hostname.lower(), *organisation.accepted_domains}
    return host in ours or any(host.endswith(f".{domain}") for domain in ours)


def shown_in(value: bytes, account: Account, organisation: Organisation) -> tuple[Address, ...]:
    """Addresses of ours in the display names that are not the account's."""
    authors = authors_in(value)
    if not isinstance(authors, Authors):
        return ()
    return tuple(
        address
        for address in authors.shown
        if domain_of(address) in organisation.accepted_domains and not owns(account, address)
    )


def _without_name(value: bytes) -> bytes:
    authors = authors_in(value)
    assert isinstance(authors, Authors), "an unclear value was refused"
    return ", ".join(f"<{address}>" for address in authors.addresses).encode()
