"""Equal messages to one recipient each, delivered as one where their sender asked for it.

An application that sends the same letter a thousand times, to one recipient each, costs the next hop a
thousand transactions; joined they are twenty.  It is never done unasked: who writes to each alone may
mean just that.  Asked for by `X-Kairan-Coalesce: yes` in the message (which goes no further), or for all
mail of an account (`[delivery.coalesce]`).

Two messages are alike if and only if

    sender, account, body and SMTPUTF8 of their envelopes are the same, neither asks for reports
    (RFC 3461) and neither is a file of the spool;
    their octets are the same, header and text, but for Received, Message-ID and Date; and where To is
    in both the one recipient and nobody else, but for To.

So a name in the text, a link of one's own, a signature over the header (DKIM) keep a message apart.  What
goes out is the first of them, with its Message-ID and Date; where To was each one's own it reads
`undisclosed-recipients:;`, for nobody is to see who else got it.  Only the transaction is shared: the trace,
the tries and the reports of each message stay its own.
"""

from hashlib import blake2b

from kairan.delivery.settings import CoalesceSettings
from kairan.mail.address import key_of
from kairan.mail.envelope import Content, Envelope, Notify
from kairan.mail.header import edited, mailboxes, read_header
from kairan.spool.interface import Lease

_OF_EACH = frozenset({b"received", b"message-id", b"date"})
_NOBODY_NAMED = b"undisclosed-recipients:;"  # RFC 5322 section 3.4: a group of nobody
_KEY_OCTETS = 32


class Coalescing:
    def __init__(self, settings: CoalesceSettings) -> None:
        self._accounts = frozenset(map(key_of, settings.accounts))

    def may_join(self, lease: Lease) -> bool:
        """From the envelope alone; the content has the last word (`alike_key`)."""
        envelope, recipients = lease.envelope, lease.job.recipients
        is_asked = envelope.coalesce or key_of(envelope.account) in self._accounts
        if not is_asked or not envelope.sender or envelope.ret or envelope.envid:
            return False
        if len(envelope.recipients) != 1 or len(recipients) != 1:
            return False
        return recipients[0].notify is Notify.UNSET and not recipients[0].orcpt


def alike_key(envelope: Envelope, content: Content) -> bytes:
    """The same for messages that are alike; empty: it is like none."""
    if not isinstance(content, bytes):
        return b""
    header = read_header(content)
    is_own = _names_its_recipient(content[: header.end], envelope)
    left_out = _OF_EACH | {b"to"} if is_own else _OF_EACH
    fields = edited(content[: header.end], lambda name, _: b"" if name in left_out else None)
    common = (envelope.sender, envelope.account, envelope.body, envelope.smtputf8, is_own)
    digest = blake2b(digest_size=_KEY_OCTETS)
    # The hops: one of them is looked at for all, where a loop is looked for.
    for part in (repr((*common, header.received)).encode(), fields):
        digest.update(len(part).to_bytes(8, "big") + part)
    digest.update(memoryview(content)[header.end :])
    return digest.digest()


def joined_content(envelope: Envelope, content: bytes) -> bytes:
    """What those that are alike are sent in place of their own."""
    end = read_header(content).end
    fields = content[:end]
    if not _names_its_recipient(fields, envelope):
        return content
    return edited(fields, lambda name, _: _NOBODY_NAMED if name == b"to" else None) + content[end:]


def _names_its_recipient(fields: bytes, envelope: Envelope) -> bool:
    """To is there once and has the recipient's address alone, with a name or without."""
    values: list[bytes] = []

    def look(name: bytes, value: bytes) -> None:
        if name == b"to":
            values.append(value)

    edited(fields, look)
    found = mailboxes(values[0].strip()) if len(values) == 1 else None
    recipient = key_of(envelope.recipients[0].address)
    return found is not None and [key_of(one) for one in found] == [recipient]
