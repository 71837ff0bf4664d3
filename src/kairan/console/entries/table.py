"""The kinds of entries that have pages."""

from collections.abc import Sequence

from kairan.console.entries.accounts import ACCOUNTS
from kairan.console.entries.apps import APPS
from kairan.console.entries.devices import DEVICES
from kairan.console.entries.groups import GROUPS
from kairan.console.entries.kind import EntryKind
from kairan.console.entries.mailboxes import MAILBOXES
from kairan.console.entries.moderation import MODERATION
from kairan.console.entries.policies import POLICIES

KINDS: Sequence[EntryKind] = (ACCOUNTS, APPS, POLICIES, DEVICES, GROUPS, MODERATION, MAILBOXES)
