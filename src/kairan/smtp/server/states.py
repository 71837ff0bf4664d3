"""The conversation, server side, as a table; docs/states.md is drawn from it.

Theory of operation.  The order of commands is the table below, and the engine moves by it alone:
a command that is not in the row of the present state is answered 503, and nowhere else is that
decided.  Beside the state the engine knows one thing: which answer its driver owes (`Owed`).  Two
facts last longer than any state and are kept apart: whether TLS stands, and who has authenticated.

    TLS     PLAIN ──STARTTLS──▶ NEGOTIATING ──handshake──▶ SECURE
    AUTH    ANONYMOUS ──AUTH accepted──▶ AUTHENTICATED

The rules that join them:

    STARTTLS only in PLAIN; it forgets EHLO, AUTH and every octet read ahead (RFC 3207 section 4.2).
    AUTH only once, only between transactions (RFC 4954 section 4), only in SECURE.
    MAIL needs SECURE and AUTHENTICATED, unless the listener's policy says otherwise.

Whether a command is *granted* is not the table's business: events here have been granted already,
but for those named so: content that comes whatever we say is read to its end and discarded.
"""

from collections.abc import Mapping
from enum import IntEnum, auto


class Order(IntEnum):  # an IntEnum: hashed without a call into Python
    """Where in the order of commands the session is (RFC 5321 section 4.1.4)."""

    CONNECTED = auto()  # greeted, no EHLO yet
    READY = auto()
    AUTH = auto()  # in the dialogue of AUTH: lines are answers to 334 (RFC 4954 section 4)
    MAIL = auto()  # a sender was accepted
    RCPT = auto()  # and at least one recipient
    DATA = auto()  # reading the content up to CRLF.CRLF
    CHUNK = auto()  # reading the octets of one BDAT
    CHUNKS = auto()  # between two BDATs of one message
    # Reading what is refused when it has ended.  A chunk's octets are on their way wherever BDAT was
    # said, and the session is then where it was: a table remembers nothing, so there are three.
    DISCARDING_DATA = auto()
    DISCARDING_CHUNK_CONNECTED = auto()
    DISCARDING_CHUNK_READY = auto()
    DISCARDING_CHUNK_MAIL = auto()
    TLS = auto()  # between the 220 of STARTTLS and the end of the handshake
    CLOSED = auto()


class Event(IntEnum):
    EHLO = auto()
    STARTTLS = auto()
    TLS_READY = auto()
    AUTH = auto()
    AUTH_ENDED = auto()  # accepted, refused or cancelled
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DATA_REFUSED = auto()  # behind recipients that were all refused: the content comes all the same
    BDAT = auto()
    BDAT_REFUSED = auto()  # out of order: its octets come all the same
    CHUNK_ENDED = auto()
    CHUNK_REFUSED = auto()
    MESSAGE_ENDED = auto()
    DISCARDED = auto()  # the end of what is discarded
    RESET = auto()
    NOTHING = auto()  # NOOP, VRFY, HELP: commands that change nothing
    QUIT = auto()
    HANG_UP = auto()  # by us: 421, or a fault after which nothing can be read


class Owed(IntEnum):
    """Which answer the driver owes; no further event is given until it has come."""

    NOTHING = 0  # false: the engine may go on
    STARTTLS = auto()
    AUTH = auto()
    MAIL = auto()
    RCPT = auto()
    CHUNK = auto()
    MESSAGE = auto()


_ROWS: Mapping[Order, Mapping[Event, Order]] = {
    Order.CONNECTED: {
        Event.EHLO: Order.READY,
        Event.BDAT_REFUSED: Order.DISCARDING_CHUNK_CONNECTED,
        Event.RESET: Order.CONNECTED,
        Event.NOTHING: Order.CONNECTED,
        Event.QUIT: Order.CLOSED,
    },
    Order.READY: {
        Event.EHLO: Order.READY,
        Event.STARTTLS: Order.TLS,
        Event.AUTH: Order.AUTH,
        Event.MAIL: Order.MAIL,
        Event.BDAT_REFUSED: Order.DISCARDING_CHUNK_READY,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.READY,
        Event.QUIT: Order.CLOSED,
    },
    Order.AUTH: {Event.AUTH_ENDED: Order.READY},
    Order.MAIL: {
        Event.EHLO: Order.READY,  # RFC 5321 section 4.1.4: EHLO also resets
        Event.RCPT: Order.RCPT,
        Event.DATA_REFUSED: Order.DISCARDING_DATA,
        Event.BDAT_REFUSED: Order.DISCARDING_CHUNK_MAIL,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.MAIL,
        Event.QUIT: Order.CLOSED,
    },
    Order.RCPT: {
        Event.EHLO: Order.READY,
        Event.RCPT: Order.RCPT,
        Event.DATA: Order.DATA,
        Event.BDAT: Order.CHUNK,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.RCPT,
        Event.QUIT: Order.CLOSED,
    },
    Order.DATA: {Event.MESSAGE_ENDED: Order.READY},
    Order.CHUNK: {
        Event.CHUNK_ENDED: Order.CHUNKS,
        Event.CHUNK_REFUSED: Order.READY,  # RFC 3030 section 2: the transaction has failed
        Event.MESSAGE_ENDED: Order.READY,
    },
    Order.CHUNKS: {  # RFC 3030 section 2: after BDAT only BDAT, RSET and the harmless ones
        Event.EHLO: Order.READY,
        Event.BDAT: Order.CHUNK,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.CHUNKS,
        Event.QUIT: Order.CLOSED,
    },
    Order.DISCARDING_DATA: {Event.DISCARDED: Order.READY},
    Order.DISCARDING_CHUNK_CONNECTED: {Event.DISCARDED: Order.CONNECTED},
    Order.DISCARDING_CHUNK_READY: {Event.DISCARDED: Order.READY},
    Order.DISCARDING_CHUNK_MAIL: {Event.DISCARDED: Order.MAIL},
    Order.TLS: {Event.TLS_READY: Order.CONNECTED},  # RFC 3207 section 4.2: start over
    Order.CLOSED: {},
}
# We may hang up anywhere (RFC 5321 section 3.8).
TRANSITIONS: Mapping[Order, Mapping[Event, Order]] = {
    state: {**row, Event.HANG_UP: Order.CLOSED} for state, row in _ROWS.items()
}
READS_CONTENT = frozenset(
    {
        Order.DATA,
        Order.CHUNK,
        Order.DISCARDING_DATA,
        Order.DISCARDING_CHUNK_CONNECTED,
        Order.DISCARDING_CHUNK_READY,
        Order.DISCARDING_CHUNK_MAIL,
    }
)
READS_NOTHING = frozenset({Order.TLS, Order.CLOSED})
READS_LINES = frozenset(Order) - READS_CONTENT - READS_NOTHING  # commands, but for AUTH
_NOT_DRAWN = frozenset({Event.NOTHING, Event.HANG_UP})


def drawing() -> str:
    """The table as a Mermaid state diagram, for docs/states.md."""
    lines = ["stateDiagram-v2", "    [*] --> CONNECTED"]
    for state, row in TRANSITIONS.items():
        lines += [
            f"    {state.name} --> {target.name}: {event.name}"
            for event, target in row.items()
            if event not in _NOT_DRAWN
        ]
    return "\n".join([*lines, "    CLOSED --> [*]"])


def page() -> str:
    """docs/states.md, whole."""
    return f"""\
# The order of commands

Made from the table in `src/kairan/smtp/server/states.py` by `.venv/bin/python -m kairan.smtp`.
A command without an arrow from the present state is answered `503`; where it is BDAT, or DATA
behind recipients that were all refused, its content is read to the end first (`DISCARDING`).
In `AUTH` every line is an answer of the dialogue.  NOOP, VRFY and HELP are possible in every state
that reads commands and change nothing, and we may hang up in every state: both are left out.

```mermaid
{drawing()}
```

Whether TLS stands and who has authenticated last longer than any of these states; the rules that
join them stand at the head of that file.
"""
