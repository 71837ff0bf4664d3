"""What the directory knows, as values.  Names are Exchange's where the administrator meets them.

Addresses here are in lower case throughout: they are keys.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kairan.directory.devices import Devices


@dataclass(frozen=True, slots=True)
class Account:
    """An HVE account: may log in and send, has no mailbox of its own."""

    id: int  # small and stable: indexes the shared table of counters
    address: str  # PrimarySmtpAddress
    password_hash: str = field(repr=False)  # Argon2id, PHC string; empty: no password fits
    aliases: frozenset[str] = frozenset()
    display_name: str = ""
    reply_to: str = ""  # Set-HVEAccountSettings -ReplyTo; empty: unset
    enabled: bool = True
    allowed_apps: frozenset[str] = frozenset()
    policy: str = ""  # name of an authentication policy; empty: the organisation's default
    messages_per_minute: int | None = None  # None: the organisation's limit
    connections_max: int | None = None
    # Beats the organisation's switch of this name; None: follows it.
    smtp_client_authentication_disabled: bool | None = None
    # The directory's version in which it was made or its password last set: a login rests on it.
    credential_version: int = 0
    networks: tuple[str, ...] = ()  # from where it may log in; none: from anywhere
    recipients_per_minute: int | None = None  # None: the organisation's limit
    # Its volume jumped far above its history, at this second; 0: it is not held.
    held_since: int = 0
    released_until: int = 0  # until this second its volume is not judged: an administrator knows

    @property
    def addresses(self) -> frozenset[str]:
        """What it may send as; in HVE any address associated with the account."""
        return self.aliases | {self.address}


# Attributes a mailbox carries besides address and display name: those Exchange's filters know.
MAILBOX_ATTRIBUTES: tuple[str, ...] = (
    "alias",
    "firstName",
    "lastName",
    "department",
    "company",
    "title",
    "office",
    "city",
    "stateOrProvince",
    "postalCode",
    "country",
    "manager",
    "notes",
    *(f"customAttribute{n}" for n in range(1, 16)),
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's (or room's) mailbox, or a contact.  `attributes` holds only those that are set."""

    address: str
    display_name: str = ""
    aliases: frozenset[str] = frozenset()
    hidden: bool = False  # HiddenFromAddressListsEnabled
    attributes: Mapping[str, str] = field(default_factory=dict)
    country_code: int | None = None  # ISO 3166-1 numeric, such as 392; None: not known
    # Seconds since the epoch; None: made before this was kept.  No part of what makes two the same.
    when_created: int | None = field(default=None, compare=False)
    recipient_type: str = "UserMailbox"  # RecipientTypeDetails, such as RoomMailbox, MailContact
    # false: who has left.  Mail for it is taken until it is removed; dynamic groups leave it out.
    enabled: bool = True
    disabled_since: int | None = field(default=None, compare=False)  # seconds since the epoch
    source: str = ""  # the name of the directory it comes from; empty: put in by hand
    source_id: str = ""  # what never changes of it there, such as an objectGUID


class ModerationNotifications(StrEnum):
    """SendModerationNotifications: which senders hear that their message was not approved."""

    ALWAYS = "always"
    INTERNAL = "internal"  # those of the organisation, who have logged in
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Group:
    """The head of a distribution group; its members stay in the store.

    The accept and reject lists hold addresses of people or groups; a group means its members
    (AcceptMessagesOnlyFromSendersOrMembers).  Empty accept list: everybody.
    """

    address: str
    display_name: str = ""
    owners: frozenset[str] = frozenset()  # ManagedBy
    require_sender_authentication: bool = True  # RequireSenderAuthenticationEnabled
    accept_from: frozenset[str] = frozenset()
    reject_from: frozenset[str] = frozenset()
    hidden: bool = False
    # Who hears of members that cannot be reached: the sender, an owner, or with neither nobody.
    report_to_originator: bool = True  # ReportToOriginatorEnabled
    report_to_manager: bool = False  # ReportToManagerEnabled
    enabled: bool = True
    moderated: bool = False  # ModerationEnabled
    moderators: frozenset[str] = frozenset()  # ModeratedBy; empty: the owners
    bypass: frozenset[str] = frozenset()  # BypassModerationFromSendersOrMembers
    bypass_nested_moderation: bool = False  # BypassNestedModerationEnabled
    moderation_notifications: ModerationNotifications = ModerationNotifications.ALWAYS
    reply_to: str = ""  # where the members' answers go; empty: to the author
    list_headers: bool = False  # RFC 2369 and RFC 2919
    unsubscribe: str = ""  # RFC 8058: the https address of one-click unsubscription
    message_octets_max: int | None = None  # None: what the service takes
    send_window: str = ""  # as `directory/send_window.py` reads it; empty: at any time
    is_dynamic: bool = False  # its members follow from a filter

    @property
    def approvers(self) -> frozenset[str]:
        return self.moderators or self.owners


@dataclass(frozen=True, slots=True)
class ModerationRequest:
    """A message that waits for a moderator of a group.

    `message_id` and `arrived` name the message (a client may use an id twice); `secret` is the key
    of the request's tokens, and goes with it.
    """

    id: str
    message_id: str
    arrived: float
    group: str
    sender: str
    size: int
    moderators: tuple[str, ...]
    secret: bytes = field(repr=False)
    expires: int  # seconds since the epoch
    asked: bool = False  # the moderators have been written to
    decision: str = ""  # `approve`, `reject`; empty: none yet
    decided_by: str = ""
    decided: int = 0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class DynamicGroup:
    """What the members of a dynamic group follow from.  Times are in seconds since the epoch, 0: never."""

    address: str
    filter: str  # in OPATH, as it was written or as it follows from the two below
    included_recipients: tuple[str, ...] = ()
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refresh_seconds: int | None = None  # None: as configured; 0: at every message
    refreshed: int = 0  # the stored list is that of this moment
    looked_at: int = 0  # the same, or later, when it was kept back
    kept_since: int = 0  # since then a refresh would have changed too much


@dataclass(frozen=True, slots=True)
class ListChange:
    """From a stored list to whom its filter fits; the first of those who come and go, by address."""

    before: int
    after: int
    added: int
    removed: int
    some_added: tuple[str, ...] = ()
    some_removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRefresh:
    """A refresh that changed the list, or that was kept back."""

    number: int
    at: int  # seconds since the epoch
    is_kept: bool  # the list stayed as it was; the numbers are what would have been
    members: int  # on the list from then on
    added: int
    removed: int
    by: str  # a node, or who gave the command
    some_added: tuple[str, ...] = ()
    some_removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Organisation:
    """Settings of the whole organisation."""

    name: str = ""
    accepted_domains: frozenset[str] = frozenset()
    # Of these, those whose mailboxes are at another server's (Exchange: InternalRelay): whom the
    # directory does not know may exist there.
    relayed_domains: frozenset[str] = frozenset()
    postmaster: str = ""  # who gets the reports that have nowhere else to go
    moderation_address: str = ""  # where moderators' answers go; empty: they have the command alone
    external_recipients_allowed: bool = False  # no external mail in HVE since June 2025
    # The controls before a password; what they mean is auth's.
    security_defaults: bool = False
    smtp_client_authentication_disabled: bool = False
    default_policy: str = ""  # of accounts without one of their own; empty: none, all is allowed
    policies: Mapping[str, bool] = field(default_factory=dict)  # AllowBasicAuthSmtp by name


@dataclass(frozen=True, slots=True)
class AppSecret:
    hash: str = field(repr=False)  # as the issuer makes it; the secret itself is kept nowhere
    expires: int | None = None  # seconds since the epoch; None: never


@dataclass(frozen=True, slots=True)
class App:
    """An application that may get tokens from our issuer.

    Two ids, as in Entra: programs show `client_id` when they ask for a token; `object_id` (the
    service principal's) is what accounts have on their lists of allowed apps.
    """

    name: str
    client_id: str
    object_id: str
    permissions: frozenset[str] = frozenset()
    enabled: bool = True
    secrets: tuple[AppSecret, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """A login that a person approves elsewhere (RFC 8628)."""

    user_code: str
    client_id: str
    expires: int
    account: str = ""  # who it was approved for; empty: nobody yet
    source: str = ""  # the address that asked


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """What a login by token asks of an app that is registered here."""

    object_id: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Trust:
    """What logins rest on besides the account itself."""

    apps: Mapping[str, RegisteredApp] = field(default_factory=dict)  # by client id
    withdrawn_keys: frozenset[str] = frozenset()  # of our issuer, by `kid`
    # The head of a PHC string: what most passwords are hashed with; empty: there are none.
    hash_parameters: str = ""


class Snapshot(Protocol):
    """The directory in memory, immutable: a change makes a new one.  No method does I/O."""

    @property
    def version(self) -> int: ...

    @property
    def organisation(self) -> Organisation: ...

    @property
    def trust(self) -> Trust: ...

    @property
    def devices(self) -> Devices: ...

    def account(self, address: str) -> Account | None:
        """By primary address or alias, any case."""

    def group(self, address: str) -> Group | None: ...

    def resolve(self, address: str) -> str | None:
        """The primary address of the mailbox, group or account known under `address` (any case),
        else None.  RESOLVE in Exchange's tracking.
        """

    def mailboxes_among(self, keys: Sequence[str]) -> AbstractSet[str]:
        """Those of the keys, sorted by their octets, that are a mailbox's primary address."""
