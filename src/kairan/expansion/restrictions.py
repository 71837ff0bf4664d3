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
    if _names(group.reject_from, sender, is_member):
        return Refuse(GROUP_SENDER_NOT_ALLOWED, f"{group.address} rejects the sender")
    if group.accept_from and not _names(group.accept_from, sender, is_member):
        return Refuse(GROUP_SENDER_NOT_ALLOWED, f"{group.address} does not list the sender")
    return ACCEPT


def _names(listed: Iterable[str], sender: MessageSender, is_member: Callable[[str], bool]) -> bool:
    """People first: they cost nothing to compare."""
    entries = tuple(listed)
    return any(entry in sender.keys for entry in entries) or any(map(is_member, entries))
