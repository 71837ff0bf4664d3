"""Mail: the words that all other rooms speak.

In      bytes from the wire, once
Out     Address, Recipient, Envelope, Content, Reply; header lines of a message
Keeps   nothing
Never   reads a socket, a clock or a file; knows a rule of ours
RFC     5321 section 4.1.2 (addresses), 5322 section 2.2 (header fields), 3461 (DSN parameters)
"""

from kairan.mail.address import Address, domain_of, key_of, local_of, parse_address
from kairan.mail.envelope import Content, ContentFile, Envelope, Notify, Recipient
from kairan.mail.reply import Reply

__all__ = [
    "Address",
    "Content",
    "ContentFile",
    "Envelope",
    "Notify",
    "Recipient",
    "Reply",
    "domain_of",
    "key_of",
    "local_of",
    "parse_address",
]
