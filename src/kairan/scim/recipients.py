"""What a document makes of a recipient: pure functions of documents, which yield a source's values."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from unicodedata import normalize

from scim2_models import EnterpriseUser

from kairan.directory.model import MAILBOX_ATTRIBUTES
from kairan.mail.address import Address, domain_of, key_of, parse_address
from kairan.scim.documents import (
    EXTENSION_ATTRIBUTES,
    GroupExtension,
    ListDocument,
    PersonDocument,
    RecipientExtension,
)

# What a document says of a recipient, and so what is emptied where it says nothing.
ATTRIBUTES = tuple(name for name in MAILBOX_ATTRIBUTES if name != "notes")

_WORK, _OTHER = "work", "other"
_MAIL_PREFIX = "smtp:"  # of proxyAddresses; others are SIP's and X.500's
_NO_ATOM = re.compile(r"[^a-z0-9]+")
_LOCAL_PART_CHARACTERS_MAX = 64  # RFC 5321 section 4.5.3.1.1


@dataclass(frozen=True, slots=True)
class PushedRecipient:
    address: str
    addresses: frozenset[str]  # all, the primary one among them
    display_name: str
    attributes: Mapping[str, str]  # by names of MAILBOX_ATTRIBUTES
    recipient_type: str  # RecipientTypeDetails
    enabled: bool
    hidden: bool


def recipient_of(
    document: PersonDocument, domains: Collection[str], *, manager: str = ""
) -> PushedRecipient | None:
    """None: there is no mail address in it, so that nobody can be written to.

    Aliases of other domains are another system's, and left away.
    """
    addresses = list(dict.fromkeys(_addresses(document)))
    if not addresses:
        return None
    extension = document[RecipientExtension] or RecipientExtension()
    primary = addresses[0]
    is_ours = domain_of(Address(primary)) in domains
    fitting = {one for one in addresses if not is_ours or domain_of(Address(one)) in domains}
    return PushedRecipient(
        address=primary,
        addresses=frozenset(fitting),
        display_name=_display_name(document),
        attributes=_attributes(document, extension, manager),
        recipient_type=_recipient_type(document, is_ours=is_ours),
        enabled=document.active is not False,
        hidden=extension.hidden is True,
    )


def is_hidden(document: ListDocument) -> bool:
    extension = document[GroupExtension]
    return extension is not None and extension.hidden is True


def manager_of(document: PersonDocument) -> str:
    """The manager's id; empty: none is named."""
    enterprise = document[EnterpriseUser]
    if enterprise is None or enterprise.manager is None:
        return ""
    return enterprise.manager.value or ""


def group_mail(document: ListDocument) -> str:
    """The group's own address; empty: none that is one is named."""
    extension = document[GroupExtension]
    return _key(extension.mail) if extension is not None and extension.mail else ""


def made_address(display_name: str, id_: str, domain: str) -> str:
    """Of a group that names none: `Sales (EMEA)` is sales-emea; of a name in another script, its id."""
    plain = normalize("NFKD", display_name).encode("ascii", "ignore").decode()
    local = _NO_ATOM.sub("-", plain.lower()).strip("-")[:_LOCAL_PART_CHARACTERS_MAX].strip("-")
    return f"{local or f'group-{id_[:8]}'}@{domain}"


def emails_of(document: PersonDocument) -> frozenset[tuple[str, str]]:
    """Type and address of each, as filters ask for them."""
    return frozenset(
        (email.type or "", email.value) for email in document.emails or () if email.value
    )


def _addresses(document: PersonDocument) -> Iterator[str]:
    """Best first: the primary one, the one of the type work, SMTP: in capital letters, as Exchange
    marks its primary; the name of the login only where there is no other.
    """
    emails = [email for email in document.emails or () if email.value]
    extension = document[RecipientExtension]
    proxies = [] if extension is None else (extension.proxy_addresses or [])
    ranked = [
        *(email.value for email in emails if email.primary),
        *(email.value for email in emails if email.type == _WORK),
        *(text[len(_MAIL_PREFIX) :] for text in proxies if text.startswith("SMTP:")),
        *(email.value for email in emails),
        *(text[len(_MAIL_PREFIX) :] for text in proxies if text.lower().startswith(_MAIL_PREFIX)),
    ]
    keys = [key for text in ranked if text and (key := _key(text))]
    if keys:
        yield from keys
    elif name := _key(document.user_name or ""):
        yield name


def _key(text: str) -> str:
    text = text.strip()
    if text.lower().startswith(_MAIL_PREFIX):
        text = text[len(_MAIL_PREFIX) :]
    address = parse_address(text, utf8=True)
    return key_of(address) if address else ""


def _recipient_type(document: PersonDocument, *, is_ours: bool) -> str:
    if is_ours:
        return "UserMailbox"
    return "GuestMailUser" if (document.user_type or "").lower() == "guest" else "MailUser"


def _display_name(document: PersonDocument) -> str:
    name = document.name
    if document.display_name:
        return document.display_name
    if name is None:
        return ""
    return name.formatted or " ".join(filter(None, (name.given_name, name.family_name)))


def _attributes(
    document: PersonDocument, extension: RecipientExtension, manager: str
) -> Mapping[str, str]:
    """By names of MAILBOX_ATTRIBUTES; what is not said is not in it."""
    enterprise = document[EnterpriseUser]
    home = next((one for one in document.addresses or () if one.type == _WORK), None)
    office = next((one for one in document.addresses or () if one.type == _OTHER), None)
    found: dict[str, str | None] = {
        "alias": extension.alias,
        "firstName": document.name.given_name if document.name else None,
        "lastName": document.name.family_name if document.name else None,
        "department": enterprise.department if enterprise else None,
        "company": enterprise.organization if enterprise else None,
        "title": document.title,
        "office": office.formatted if office else None,
        "city": home.locality if home else None,
        "stateOrProvince": home.region if home else None,
        "postalCode": home.postal_code if home else None,
        "country": home.country if home else None,
        "manager": manager,
    }
    for number in range(1, EXTENSION_ATTRIBUTES + 1):
        found[f"customAttribute{number}"] = getattr(extension, f"extension_attribute{number}")
    return {name: value for name, value in found.items() if value}
