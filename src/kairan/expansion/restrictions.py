"""Who may send to a group.  Exchange asks this at each nesting level, and so do we."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kairan.directory.model import Group, Snapshot
from kairan.mail.address import key_of
from kairan.mail.envelope import Envelope
from kairan.outcomes.catalogue import GROUP_SENDER_NOT_ALLOWED, GROUP_SENDER_NOT_AUTHENTICATED
from kairan.outcomes.decision import ACCEPT, Decision, Refuse


@dataclass(frozen=True, slots=True)
class MessageSender:
    """`keys`: all that the message may be known by: its envelope's sender as written and the account
    that logged in, each under its primary address too.
    """

    keys: frozenset[str]
    authenticated: bool


def sender_of(envelope: Envelope, snapshot: Snapshot) -> MessageSender:
    """Any account may use the null sender, so lists bind the account, whatever sender the envelope
    names.

    A report of ours came from no client and had no login: it counts as authenticated, or
    a postmaster address that is a group would never see one.
    """
    keys: set[str] = set()
    for address in (envelope.sender, envelope.account):
        if address:
            keys.update((key_of(address), key_of(snapshot.resolve(address) or address)))
    return MessageSender(frozenset(keys), bool(envelope.account) or not envelope.client)


def may_send_to(group: Group, sender: MessageSender, is_member: Callable[[str], bool]) -> Decision:
    """RequireSenderAuthenticationEnabled, then RejectMessagesFrom, then AcceptMessagesOnlyFrom.

    `is_member(address)` says whether the sender is among the members of the group `address`.
    """
    if group.require_sender_authentication and not sender.authenticated:
        return Refuse(GROUP_SENDER_NOT_AUTHENTICATED, group.address)
    if names_sender(group.reject_from, sender, is_member):
        return Refuse(GROUP_SENDER_NOT_ALLOWED, f"{group.address} rejects the sender")
    if group.accept_from and not names_sender(group.accept_from, sender, is_member):
        return Refuse(GROUP_SENDER_NOT_ALLOWED, f"{group.address} does not list the sender")
    return ACCEPT


def hides_from(group: Group, sender: MessageSender, snapshot: Snapshot) -> bool:
    """Whether a hidden list refuses this sender for certain, so that a client hears of it what it
    hears of an address that does not exist.

    Names alone are asked: who is a member of a group on a list is read after the message was taken,
    and then the report has the same words.
    """
    if not group.hidden:
        return False
    accepts_members = any(snapshot.group(entry) is not None for entry in group.accept_from)
    decision = may_send_to(group, sender, lambda _: False)
    by_name = not sender.keys.isdisjoint(group.reject_from)
    return isinstance(decision, Refuse) and (by_name or not accepts_members)


def names_sender(
    listed: Iterable[str], sender: MessageSender, is_member: Callable[[str], bool]
) -> bool:
    """People first: they cost nothing to compare."""
    entries = tuple(listed)
    return any(entry in sender.keys for entry in entries) or any(map(is_member, entries))
