"""The kinds of growth there are."""

from bench.growth.kind import Growth
from bench.growth.list_members import LIST_MEMBERS
from bench.growth.mail import MAIL
from bench.growth.mailboxes import MAILBOXES

KINDS: dict[str, Growth] = {one.name: one for one in (LIST_MEMBERS, MAILBOXES, *MAIL)}
