"""The address in what a caller writes for one."""

import re

from kairan.mail.address import Address, key_of, parse_address
from kairan.mail.header import mailboxes

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def address_of(text: str) -> Address | None:
    """`ann@example.com`, or as smtplib and Django take it, with a name: `Ann Lee <ann@example.com>`."""
    text = text.strip()
    bare = parse_address(text, utf8=True)
    if bare is not None:
        return bare
    if _CONTROL.search(text):
        return None  # a header's value may be folded; an address in an envelope may not
    found = mailboxes(text.encode("utf-8", "replace"))
    return found[0] if found is not None and len(found) == 1 else None


def recipient_key(text: str) -> str:
    """Two spellings of one address are one recipient; what is no address is itself."""
    address = address_of(text)
    return key_of(address) if address else text
