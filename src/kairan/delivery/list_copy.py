"""A list's copy of a message: its header fields and its envelope, made for each job that goes out."""

from dataclasses import dataclass, replace

from kairan.delivery.head import HEADER_OCTETS_MAX, read_head
from kairan.directory.model import Group, Snapshot
from kairan.expansion.list_headers import changes_copies, with_list_fields
from kairan.mail.address import Address
from kairan.mail.envelope import Content, ContentFile, Envelope
from kairan.mail.header import read_header


@dataclass(frozen=True, slots=True)
class Copy:
    envelope: Envelope
    content: Content


async def wait_copy(envelope: Envelope, content: Content, via: str, snapshot: Snapshot) -> Copy:
    """A list that is gone meanwhile has no rules left: the message goes as it came."""
    group = snapshot.group(via) if via else None
    if group is None:
        return Copy(envelope, content)
    if changes_copies(group):
        head = await read_head(content, HEADER_OCTETS_MAX)
        end = read_header(head).end
        fields = with_list_fields(head[:end], group)
        grown = len(fields) - end
        content = with_fields(content, fields, skipped=end)
        envelope = envelope._replace(size=max(0, envelope.size + grown) if envelope.size else 0)
    return Copy(envelope._replace(sender=_sender(group, envelope)), content)


def owner_of(group: Group) -> Address | None:
    """Who hears of its failures, where an owner does: one of them, always the same."""
    return Address(min(group.owners)) if group.report_to_manager and group.owners else None


def _sender(group: Group, envelope: Envelope) -> Address:
    """RFC 5321 section 3.9.2: what another server cannot deliver is reported to who keeps the list."""
    return owner_of(group) or envelope.sender


def with_fields(content: Content, fields: bytes, *, skipped: int) -> Content:
    """The content with these in the place of its first `skipped` octets."""
    if isinstance(content, bytes):
        return fields + content[skipped:]
    size = content.size - skipped + len(fields)
    if skipped < len(content.head):
        return replace(content, head=fields + content.head[skipped:], size=size)
    return ContentFile(content.path, size, fields, content.skipped + skipped - len(content.head))
