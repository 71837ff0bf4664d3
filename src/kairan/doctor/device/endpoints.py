"""Microsoft's names for sending mail, and how far a typed one is from them."""

import re
from collections.abc import Mapping
from enum import Enum

from kairan.runtime.kept import kept


class MailService(Enum):
    HVE = "hve"
    CLIENT = "client"  # ordinary client submission: a mailbox, its licence, its limits
    CONSUMER = "consumer"  # Outlook.com: personal accounts, tokens alone
    DIRECT_SEND = "direct-send"  # an organisation's MX: port 25, no login
    OTHER = "other"  # Microsoft's, but no place for this mail
    OWN = "own"  # not Microsoft's


HVE_ENDPOINT = "smtp.hve.mx.microsoft"
HVE_ENDPOINT_RETIRING = "smtp-hve.office365.com"
CLIENT_ENDPOINT = "smtp.office365.com"

ENDPOINTS: Mapping[str, MailService] = {
    HVE_ENDPOINT: MailService.HVE,
    HVE_ENDPOINT_RETIRING: MailService.HVE,
    CLIENT_ENDPOINT: MailService.CLIENT,
    "smtp-legacy.office365.com": MailService.CLIENT,
    "smtp.office365.us": MailService.CLIENT,
    "smtp-dod.office365.us": MailService.CLIENT,
    "smtp.partner.outlook.cn": MailService.CLIENT,
    "smtp-mail.outlook.com": MailService.CONSUMER,
    "outlook.office365.com": MailService.OTHER,  # reads mail, takes none
    "smtp-lob.office365.com": MailService.OTHER,  # the preview's name
}
NATIONAL_CLOUDS: Mapping[str, str] = {
    "smtp.office365.us": "Microsoft 365 GCC High",
    "smtp-dod.office365.us": "Microsoft 365 DoD",
    "smtp.partner.outlook.cn": "Microsoft 365 (21Vianet)",
}
_DIRECT_SEND = (
    ".mail.protection.outlook.com",
    ".mail.protection.office365.us",
    ".mail.protection.partner.outlook.cn",
)
# `contoso-com.o-v1.mx.microsoft`: the MX of a domain with DNSSEC.
_MX_WITH_DNSSEC = re.compile(r".+\.[a-z]-v\d\.mx\.microsoft")
_MICROSOFT_DOMAINS = (
    ".office365.us",
    ".outlook.cn",
    ".office365.com",
    ".office.com",
    ".outlook.com",
    ".mx.microsoft",
    ".microsoft.com",
    ".live.com",
    ".hotmail.com",
)
# A slip of the finger or of the eye; four changes in a name of this length are another name.
_SLIPS_MAX = 3
_TOP_LEVEL = frozenset({"com", "edu", "gov", "info", "int", "mil", "net", "org", "microsoft"})
_NAME_CHARACTERS_MAX = 63  # of a field in a device; the longest endpoint has 25


def service_of(host: str) -> MailService:
    if host in ENDPOINTS:
        return ENDPOINTS[host]
    if host.endswith(_DIRECT_SEND) or _MX_WITH_DNSSEC.fullmatch(host):
        return MailService.DIRECT_SEND
    return MailService.OTHER if host.endswith(_MICROSOFT_DOMAINS) else MailService.OWN


# A fleet has few different servers.
@kept(octets=1024 * 1024, key_octets=_NAME_CHARACTERS_MAX)
def meant_by(host: str) -> str:
    """The endpoint that a misspelt name stands for; empty where it is none, or is right."""
    if host in ENDPOINTS or len(host) > _NAME_CHARACTERS_MAX:
        return ""
    if service_of(host) is MailService.DIRECT_SEND:
        return ""
    near = [(distance(host, known), known) for known in ENDPOINTS if _may_be(host, known)]
    slips, known = min(near, default=(_SLIPS_MAX + 1, ""))
    return known if slips <= _SLIPS_MAX else ""


def _may_be(host: str, known: str) -> bool:
    """A slip leads out of the top-level domain only where what was typed is none: `.con`, `.microsft`.

    A country's has two letters, so another one is another cloud, or another's host.
    """
    typed, meant = host.rpartition(".")[2], known.rpartition(".")[2]
    return typed == meant or (len(typed) > 2 and typed not in _TOP_LEVEL)


def distance(one: str, other: str) -> int:
    """Levenshtein's, two neighbours swapped counting as one slip; names have 63 characters."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, above, row = row, row if i == 1 else before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
