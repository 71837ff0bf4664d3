"""The conversation, server side, as a table; docs/states.md is drawn from it.

Theory of operation.  SMTP is three small machines side by side: the order of commands, TLS, and
who has authenticated.  The order of commands is the table below: an event that is not in the row
of the present state is a 503, nowhere else is that decided.  The two others are so small that
they are drawn here only:

    TLS     PLAIN ──STARTTLS──▶ NEGOTIATING ──handshake──▶ SECURE
    AUTH    ANONYMOUS ──AUTH──▶ ASKING ──accepted──▶ KNOWN       (refused, cancelled: back)

The rules that join them:

    STARTTLS only in PLAIN; it forgets EHLO, AUTH and every octet read ahead (RFC 3207 section 4.2).
    AUTH only once, only between transactions (RFC 4954 section 4), only in SECURE.
    MAIL needs SECURE and KNOWN, unless the door says otherwise (a printer's door may).

Whether a command is *granted* is not the table's business: events here have been granted already.
"""

from collections.abc import Mapping
from enum import IntEnum, auto


class Order(IntEnum):  # an IntEnum: hashed without a call into Python
    """Where in the order of commands the session stands (RFC 5321 section 4.1.4)."""

    CONNECTED = auto()  # greeted, no EHLO yet
    READY = auto()
    MAIL = auto()  # a sender was accepted
    RCPT = auto()  # and at least one recipient
    DATA = auto()  # reading the content up to CRLF.CRLF
    CHUNK = auto()  # reading the octets of one BDAT
    CHUNKS = auto()  # between two BDATs of one message
    TLS = auto()  # between the 220 of STARTTLS and the end of the handshake
    CLOSED = auto()


class Event(IntEnum):
    EHLO = auto()
    STARTTLS = auto()
    TLS_READY = auto()
    AUTH = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DATA_ENDED = auto()
    BDAT = auto()
    CHUNK_ENDED = auto()
    LAST_CHUNK_ENDED = auto()
    RESET = auto()
    NOTHING = auto()  # NOOP, VRFY, HELP: commands that change nothing
    QUIT = auto()


TRANSITIONS: Mapping[Order, Mapping[Event, Order]] = {
    Order.CONNECTED: {
        Event.EHLO: Order.READY,
        Event.RESET: Order.CONNECTED,
        Event.NOTHING: Order.CONNECTED,
        Event.QUIT: Order.CLOSED,
    },
    Order.READY: {
        Event.EHLO: Order.READY,
        Event.STARTTLS: Order.TLS,
        Event.AUTH: Order.READY,
        Event.MAIL: Order.MAIL,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.READY,
        Event.QUIT: Order.CLOSED,
    },
    Order.MAIL: {
        Event.EHLO: Order.READY,  # RFC 5321 section 4.1.4: EHLO also resets
        Event.RCPT: Order.RCPT,
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
    Order.DATA: {Event.DATA_ENDED: Order.READY},
    Order.CHUNK: {Event.CHUNK_ENDED: Order.CHUNKS, Event.LAST_CHUNK_ENDED: Order.READY},
    Order.CHUNKS: {  # RFC 3030 section 2: after BDAT only BDAT, RSET and the harmless ones
        Event.EHLO: Order.READY,
        Event.BDAT: Order.CHUNK,
        Event.RESET: Order.READY,
        Event.NOTHING: Order.CHUNKS,
        Event.QUIT: Order.CLOSED,
    },
    Order.TLS: {Event.TLS_READY: Order.CONNECTED},  # RFC 3207 section 4.2: start over
    Order.CLOSED: {},
}


def drawing() -> str:
    """The table as a Mermaid state diagram, for docs/states.md."""
    lines = ["stateDiagram-v2", "    [*] --> CONNECTED"]
    for state, row in TRANSITIONS.items():
        lines += [
            f"    {state.name} --> {target.name}: {event.name}"
            for event, target in row.items()
            if event is not Event.NOTHING
        ]
    return "\n".join([*lines, "    CLOSED --> [*]"])


def page() -> str:
    """docs/states.md, whole."""
    return f"""\
# The order of commands

Made from the table in `src/kairan/smtp/server/states.py` by `.venv/bin/python -m kairan.smtp`.
A command without an arrow from the present state is answered `503`.  NOOP, VRFY and HELP are
possible in every state that reads commands, change nothing, and are left out.

```mermaid
{drawing()}
```

TLS and login are two smaller machines beside this one; the rules that join the three stand at
the head of that file.
"""
