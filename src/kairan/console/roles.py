"""What each role may do in the console."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto


class ConsoleRole(StrEnum):
    VIEWER = "viewer"
    HELPDESK = "helpdesk"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(Enum):
    SEE_SERVICE = auto()  # overview, queue, accounts, devices, groups
    SEE_TRACE = auto()
    ASK_DOCTOR = auto()
    ACT_ON_QUEUE = auto()
    CHANGE_DIRECTORY = auto()  # accounts, apps, policies, devices, groups, mailboxes
    SEE_USERS = auto()  # who may sign in here, and who changed what
    USE_CAPTURE = auto()  # read captured mail, set fault rules; only where [capture] is on


_VIEWER = frozenset({Right.SEE_SERVICE, Right.SEE_TRACE, Right.ASK_DOCTOR})
RIGHTS: Mapping[ConsoleRole, frozenset[Right]] = {
    ConsoleRole.HELPDESK: frozenset({Right.SEE_TRACE, Right.ASK_DOCTOR}),
    ConsoleRole.VIEWER: _VIEWER,
    ConsoleRole.OPERATOR: _VIEWER | {Right.ACT_ON_QUEUE, Right.USE_CAPTURE},
    ConsoleRole.ADMIN: frozenset(Right),
}


def rights_of(role: str) -> frozenset[Right]:
    """A role that a newer version has written may do nothing here."""
    return RIGHTS[ConsoleRole(role)] if role in set(ConsoleRole) else frozenset()
