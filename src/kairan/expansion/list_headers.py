"""The fields that say that a message came through a list, and where answers to it go.

RFC 2369 (List-Post, List-Owner, List-Unsubscribe), RFC 2919 (List-Id) and RFC 8058 (one click).  What
the message brought of them goes: a list within a list speaks for itself alone (RFC 2369 section 4).
A hidden list is not told of: of it there are an address to unsubscribe and a Reply-To at most.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from kairan.directory.model import Group
from kairan.mail.address import Address, domain_of
from kairan.mail.header import edited
from kairan.mail.international import comparable_domain

# RFC 2919 section 3: a list-id is dots and atoms; the address is ours and may have more.
_NO_ATOM = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_LIST_FIELDS = frozenset(
    {
        b"list-id",
        b"list-post",
        b"list-owner",
        b"list-help",
        b"list-subscribe",
        b"list-archive",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
    }
)
_LINE_OCTETS_MAX = 900  # of 998 (RFC 5322 section 2.1.1), with the field's name


def changes_copies(group: Group) -> bool:
    """Whether its members' copies differ from the message that was sent to it."""
    return bool(group.reply_to or group.unsubscribe or (group.list_headers and not group.hidden))


def with_list_fields(fields: bytes, group: Group) -> bytes:
    """The message's header fields, as the members of the group get them."""
    dropped = _LIST_FIELDS if group.list_headers or group.unsubscribe else frozenset()
    if group.reply_to:
        dropped |= {b"reply-to"}
    kept = edited(fields, lambda name, _: b"" if name in dropped else None)
    new = [f"{name}: {value}\r\n" for name, value in _fields(group)]
    return kept + "".join(new).encode("utf-8")


def _fields(group: Group) -> Iterator[tuple[str, str]]:
    if group.reply_to:
        yield "Reply-To", f"<{group.reply_to}>"
    if group.list_headers and not group.hidden:
        yield "List-Id", f"<{list_id(group.address)}>"
        yield "List-Post", f"<{_mailto(group.address)}>"
        if owners := _owners(group):
            yield "List-Owner", owners
    if group.unsubscribe:
        yield "List-Unsubscribe", f"<{group.unsubscribe}>"
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"  # RFC 8058 section 3.1


def list_id(address: str) -> str:
    local, _, _ = address.rpartition("@")
    domain = comparable_domain(domain_of(Address(address)))
    atoms = (_NO_ATOM.sub("-", atom).strip("-") or "x" for atom in local.strip(".").split("."))
    return f"{'.'.join(atoms)}.{domain}"


def _mailto(address: str) -> str:
    """RFC 6068 section 2: what is no unreserved character is escaped, in UTF-8."""
    local, _, domain = address.rpartition("@")
    return f"mailto:{quote(local, safe='')}@{quote(domain, safe='')}"


def _owners(group: Group) -> str:
    """As many as a line holds."""
    text = ""
    for owner in sorted(group.owners):
        longer = f"{text}, <{_mailto(owner)}>" if text else f"<{_mailto(owner)}>"
        if len(longer) > _LINE_OCTETS_MAX:
            break
        text = longer
    return text
