"""What one try to deliver says about the next hop, apart from its answer to the message."""

from enum import Enum, auto


class Contact(Enum):
    # It answered for the message: whatever it said, it is there.
    ANSWERED = auto()
    # A session that had begun was lost, or fell silent.  One such is an accident.
    BROKEN = auto()
    # It takes nothing now: no connection, no greeting, 421, no TLS, our login refused.
    DOWN = auto()
    # It is there, and has too many of our sessions at a time.
    CROWDED = auto()
    # It takes nothing from us, whatever the message, until somebody mends settings here or there.
    REFUSES_US = auto()
    # It was not asked: we are closing, busy, or could not read the message.
    NOT_ASKED = auto()
