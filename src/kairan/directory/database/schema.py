"""The tables, as the newest migration leaves them (a test compares the two).

address             every known address once, whatever it stands for: this is what makes an
                    address unique across mailboxes, accounts, groups and their aliases.
                    `key` is the address in lower case; `owner` is the primary address, for a
                    primary address the key itself; `is_former`: it was primary before, and is an alias
                    though the source of its mailbox does not name it
account             `credential_version` is the `revision.version` in which the account was made or
                    its password last set; `networks` with a blank between them, empty: anywhere;
                    `held_since` and `released_until` in seconds since the epoch, 0: neither
account_volume      recipients in the busiest hour of an account's day (days since the epoch, UTC)
accepted_domain     `is_relayed`: its mailboxes are at another server's, and need not be known here
account_app         applications an account admits (Set-HVEAccountSettings, allowed apps)
mailbox             `country_code` as ISO 3166 numbers it; `when_created` in seconds since the epoch; NULL:
                    not known; `recipient_type` as Exchange's RecipientTypeDetails, mail contacts among
                    them; `source` and `source_id`: from which directory it comes, and what never
                    changes of it there, empty: put in by hand; `disabled_since` in seconds since the
                    epoch, NULL: it is enabled
distribution_group  `report_to_*`: who hears of members that cannot be reached; `moderated`: its messages
                    wait for one on its list `moderator`, or an owner; `moderation_notifications`: who hears
                    that none approved; `send_window` as `send_window.py` reads it, empty: at any time;
                    `message_octets_max` NULL: what the service takes
group_list          a group's owners, its accept and reject lists, its moderators and whom they need not see
moderation          messages that wait, or waited, for a moderator; `moderators` with a blank between
                    them; `secret` in hexadecimal; `decision` empty: none yet; `decided_version` is
                    the `revision.version` in which it was made
member              a group's direct members by primary address: mailboxes, groups, and external
                    addresses, which have no row in `address`; of a dynamic group those of its last
                    refresh
dynamic_group       groups whose members follow from a filter: `filter` in OPATH, `included_recipients`
                    with a blank between them and `conditions` as JSON where it was made of these;
                    `refresh_seconds` NULL: as configured, 0: at every message; `refreshed` and
                    `kept_since` (a refresh would have changed too much) in seconds since the epoch,
                    0: never
group_refresh       what each refresh changed, newest `number` last; `some_added` and `some_removed`: the
                    first of them, one a line
lease               what only one process of all machines does at a time: who, and until when in seconds
                    since the epoch
directory_source    what was read of each source, and when, in seconds since the epoch, 0: never; `whole`: of
                    all that it has; `problem`: why the last try changed nothing; `mark`: where the
                    next look goes on, in the source's words; `left_out`: whom the last look could not take
source_group        which groups come from a source, and their ids there
source_leaver       who is not at a source any more, and since when in seconds since the epoch
app                 clients of the token issuer; `permissions` with a blank between them
app_secret          their secrets, hashed; `expires` in seconds since the epoch, NULL: never
device              printers and the like at device listeners; `networks` with a blank between them;
                    `login` NULL: none, `password_hash` empty: the account's
device_sighting     when each was last heard of and last refused, in seconds since the epoch, 0: never
device_login        logins that wait for approval (RFC 8628); `account` empty: not approved yet;
                    `source`: the address that asked
issuer_key          keys of our issuer that several nodes share: `sealed` by a secret that they have and
                    the database has not; it signs from `begins` on, in seconds since the epoch
withdrawn_key       keys of our issuer that are known to somebody else: `kid`, and when it was
                    withdrawn, in seconds since the epoch
api_key             with which a program operates the service by HTTP, hashed; `scope` is the widest
                    thing it may do, `expires` empty: never
scim_token          with which a directory may push, hashed; times in seconds since the epoch
scim_resource       what was pushed: a document each (operations/scim_resources.py); `address` empty:
                    no recipient was made of it; times in milliseconds since the epoch
scim_email          its mail addresses as they were sent, to look for; folded, as its name is
scim_member         who was put into which group, by ids, with an address or without
console_user        who signs in to the console; `created` in seconds since the epoch
revision            one row: `version` counts every change; `heads` and `mailboxes` hold the
                    version that last changed that part, so that a reader rebuilds only this part

Addresses sort by their octets on every database, because streams are read in this order and
the snapshot's index relies on it.
"""

from sqlalchemy import (
    VARCHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
    true,
)
from sqlalchemy.types import TypeEngine

from kairan.directory.model import MAILBOX_ATTRIBUTES

metadata = MetaData()


def _octets() -> TypeEngine[str]:
    """Text ordered by octets: SQLite's way anyway, PostgreSQL's collation "C"."""
    return String().with_variant(VARCHAR(collation="C"), "postgresql")


def attribute_column(attribute: str) -> str:
    """Lower case, so that PostgreSQL takes the attribute's name without quotes."""
    return attribute.lower()


address = Table(
    "address",
    metadata,
    Column("key", _octets(), primary_key=True),
    Column("kind", String, nullable=False),
    Column("owner", _octets(), nullable=False),
    Column("is_former", Boolean, nullable=False, server_default=false()),
    Index("address_owner", "owner"),
)

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("address", _octets(), ForeignKey("address.key"), nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    Column("display_name", String, nullable=False),
    Column("reply_to", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("policy", String, nullable=False),
    Column("messages_per_minute", Integer),
    Column("connections_max", Integer),
    Column("smtp_client_authentication_disabled", Boolean),
    Column("credential_version", Integer, nullable=False, server_default="0"),
    Column("networks", String, nullable=False, server_default=""),
    Column("recipients_per_minute", Integer),
    Column("held_since", BigInteger, nullable=False, server_default="0"),
    Column("released_until", BigInteger, nullable=False, server_default="0"),
)

account_volume = Table(
    "account_volume",
    metadata,
    Column("account", _octets(), ForeignKey("account.address"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("recipients", BigInteger, nullable=False),
)

account_app = Table(
    "account_app",
    metadata,
    Column("account", _octets(), ForeignKey("account.address"), primary_key=True),
    Column("app", String, primary_key=True),
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("address", _octets(), ForeignKey("address.key"), primary_key=True),
    Column("display_name", String, nullable=False),
    Column("hidden", Boolean, nullable=False),
    *(Column(attribute_column(name), String) for name in MAILBOX_ATTRIBUTES),
    Column("country_code", Integer),
    Column("when_created", BigInteger),
    Column("recipient_type", String, nullable=False, server_default="UserMailbox"),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("disabled_since", BigInteger),
    Column("source", String, nullable=False, server_default=""),
    Column("source_id", String, nullable=False, server_default=""),
    Index("mailbox_source", "source", "source_id"),
)

group = Table(
    "distribution_group",
    metadata,
    Column("address", _octets(), ForeignKey("address.key"), primary_key=True),
    Column("display_name", String, nullable=False),
    Column("require_sender_authentication", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("report_to_originator", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("report_to_manager", Boolean, nullable=False, server_default=false()),
    Column("moderated", Boolean, nullable=False, server_default=false()),
    Column("bypass_nested_moderation", Boolean, nullable=False, server_default=false()),
    Column("reply_to", String, nullable=False, server_default=""),
    Column("list_headers", Boolean, nullable=False, server_default=false()),
    Column("unsubscribe", String, nullable=False, server_default=""),
    Column("message_octets_max", BigInteger),
    Column("send_window", String, nullable=False, server_default=""),
    Column("moderation_notifications", String, nullable=False, server_default="always"),
)

group_list = Table(
    "group_list",
    metadata,
    Column("group_address", _octets(), ForeignKey("distribution_group.address"), primary_key=True),
    Column("role", String, primary_key=True),
    Column("address", _octets(), primary_key=True),
    Index("group_list_address", "address"),
)

moderation = Table(
    "moderation",
    metadata,
    Column("id", String, primary_key=True),
    Column("message_id", String, nullable=False),
    Column("arrived", Double, nullable=False),
    Column("group_address", _octets(), nullable=False),
    Column("sender", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("moderators", String, nullable=False),
    Column("secret", String, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("asked", Boolean, nullable=False),
    Column("decision", String, nullable=False),
    Column("decided_by", String, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("decided_version", BigInteger, nullable=False),
    Index("moderation_message", "message_id"),
    Index("moderation_decided", "decided_version"),
)

member = Table(
    "member",
    metadata,
    Column("group_address", _octets(), ForeignKey("distribution_group.address"), primary_key=True),
    Column("address", _octets(), primary_key=True),
    Index("member_address", "address"),
)

dynamic_group = Table(
    "dynamic_group",
    metadata,
    Column("address", _octets(), ForeignKey("distribution_group.address"), primary_key=True),
    Column("filter", String, nullable=False),
    Column("included_recipients", String, nullable=False),
    Column("conditions", String, nullable=False),
    Column("refresh_seconds", Integer),
    Column("refreshed", BigInteger, nullable=False),
    Column("kept_since", BigInteger, nullable=False),
)

group_refresh = Table(
    "group_refresh",
    metadata,
    Column("group_address", _octets(), ForeignKey("dynamic_group.address"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("is_kept", Boolean, nullable=False),
    Column("members", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("some_added", String, nullable=False),
    Column("some_removed", String, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

directory_source = Table(
    "directory_source",
    metadata,
    Column("name", String, primary_key=True),
    Column("tried", BigInteger, nullable=False),
    Column("succeeded", BigInteger, nullable=False),
    Column("whole", BigInteger, nullable=False),
    Column("problem", String, nullable=False),
    Column("mark", String, nullable=False),
    Column("left_out", Integer, nullable=False),
)

source_group = Table(
    "source_group",
    metadata,
    Column("source", String, primary_key=True),
    Column("source_id", String, primary_key=True),
    Column("address", _octets(), nullable=False),
    Index("source_group_address", "address"),
)

source_leaver = Table(
    "source_leaver",
    metadata,
    Column("source", String, primary_key=True),
    Column("source_id", String, primary_key=True),
    Column("since", BigInteger, nullable=False),
)

organisation = Table(
    "organisation",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("postmaster", String, nullable=False),
    Column("external_recipients_allowed", Boolean, nullable=False),
    Column("security_defaults", Boolean, nullable=False),
    Column("smtp_client_authentication_disabled", Boolean, nullable=False),
    Column("default_policy", String, nullable=False),
    Column("moderation_address", String, nullable=False, server_default=""),
)

authentication_policy = Table(
    "authentication_policy",
    metadata,
    Column("name", String, primary_key=True),
    Column("allow_basic_auth_smtp", Boolean, nullable=False),
)

accepted_domain = Table(
    "accepted_domain",
    metadata,
    Column("domain", _octets(), primary_key=True),
    Column("is_relayed", Boolean, nullable=False, server_default=false()),
)

app = Table(
    "app",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("object_id", String, nullable=False, unique=True),
    Column("name", String, nullable=False, unique=True),
    Column("permissions", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

app_secret = Table(
    "app_secret",
    metadata,
    Column("hash", String, primary_key=True),
    Column("client_id", String, ForeignKey("app.client_id"), nullable=False),
    Column("expires", BigInteger),
    Index("app_secret_client_id", "client_id"),
)

device = Table(
    "device",
    metadata,
    Column("name", _octets(), primary_key=True),
    Column("account", _octets(), ForeignKey("account.address"), nullable=False),
    Column("place", String, nullable=False),
    Column("networks", String, nullable=False),
    Column("login", _octets(), unique=True),
    Column("password_hash", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("credential_version", Integer, nullable=False),
    Index("device_account", "account"),
)

device_sighting = Table(
    "device_sighting",
    metadata,
    Column("device", _octets(), ForeignKey("device.name"), primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("client", String, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("refusal", String, nullable=False),
)

device_login = Table(
    "device_login",
    metadata,
    Column("device_hash", String, primary_key=True),
    Column("user_code", String, nullable=False, unique=True),
    Column("client_id", String, ForeignKey("app.client_id"), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("account", String, nullable=False),
    Column("source", String, nullable=False, server_default=""),
)

withdrawn_key = Table(
    "withdrawn_key",
    metadata,
    Column("kid", String, primary_key=True),
    Column("withdrawn", BigInteger, nullable=False),
)

issuer_key = Table(
    "issuer_key",
    metadata,
    Column("kid", String, primary_key=True),
    Column("begins", BigInteger, nullable=False),
    Column("sealed", String, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=True),
)

scim_token = Table(
    "scim_token",
    metadata,
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

scim_resource = Table(
    "scim_resource",
    metadata,
    Column("id", _octets(), primary_key=True),
    Column("kind", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("folded_name", _octets(), nullable=False),
    Column("address", _octets(), nullable=False),
    Column("document", String, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Index("scim_resource_name", "folded_name", "kind"),
    Index("scim_resource_external_id", "external_id"),
    Index("scim_resource_address", "address"),
)

scim_email = Table(
    "scim_email",
    metadata,
    Column("resource_id", _octets(), ForeignKey("scim_resource.id"), primary_key=True),
    Column("type", String, primary_key=True),
    Column("address", _octets(), primary_key=True),
    Index("scim_email_address", "address"),
)

scim_member = Table(
    "scim_member",
    metadata,
    Column("group_id", _octets(), ForeignKey("scim_resource.id"), primary_key=True),
    Column("member_id", _octets(), ForeignKey("scim_resource.id"), primary_key=True),
    Index("scim_member_member", "member_id"),
)

console_user = Table(
    "console_user",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("created", BigInteger, nullable=False),
)

revision = Table(
    "revision",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("heads", Integer, nullable=False),
    Column("mailboxes", Integer, nullable=False),
)
