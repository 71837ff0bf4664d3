"""Header fields on the wire: text that is not ASCII keeps its blanks, however long it is.

The standard library's policy loses the blank between two encoded words where it breaks a line there
(Python 3.11; RFC 2047 section 6.2: blanks between encoded words are not shown).  Its older `Header`
puts blanks within the words.
"""

from email.header import Header
from email.headerregistry import Address, AddressHeader, UnstructuredHeader
from email.policy import EmailPolicy
from typing import Any


def encoded_words(name: str, text: str) -> str:
    """The text of field `name` as encoded words of UTF-8, folded for lines of 76; lines end in LF."""
    return Header(text, "utf-8", header_name=name).encode()


class FoldingPolicy(EmailPolicy):
    """As EmailPolicy, whose values it takes."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        written = "" if self.utf8 else _written(name, value)
        if not written:
            return super().fold_binary(name, value)
        return f"{name}: {written}\n".replace("\n", self.linesep).encode()


def _written(name: str, value: Any) -> str:
    """Empty: it is ASCII, or no kind of field that we can write."""
    if not isinstance(value, UnstructuredHeader | AddressHeader):
        return ""
    is_damaged = getattr(value, "defects", True)  # what is made by hand has no such attribute
    if str(value).isascii() or is_damaged:
        return ""
    if isinstance(value, UnstructuredHeader):
        return encoded_words(name, str(value))
    if any(group.display_name for group in value.groups):
        return ""
    return ",\n ".join(_mailbox(name, one) for one in value.addresses)


def _mailbox(name: str, address: Address) -> str:
    if address.display_name.isascii():
        return str(address)
    return f"{encoded_words(name, address.display_name)} <{address.addr_spec}>"


CRLF = FoldingPolicy(linesep="\r\n")
