"""Relay: held sessions to other mail servers, and messages sent through them.

In      Destination and RelaySettings; send(envelope, recipients, content)
Out     Answer: one reply per recipient, and whether the message may have gone out twice
Keeps   open sessions, within caps on number, age, messages and idleness
Never   queues a message, decides when to try again, or offers a message to another session once
        its final dot has gone out: the peer may have it
Limits  settings.py, each wait after RFC 5321 section 4.5.3.2
Damage  a session in doubt is cut, never used again; what it was sending is deferred
RFC     5321, 2033 (LMTP), 3207 (STARTTLS), 8314 (implicit TLS), 8305 (dialling), 9422
"""

from typing import TYPE_CHECKING

from kairan.runtime.late import late_names

if TYPE_CHECKING:
    from kairan.relay.destination import Destination, TlsPolicy
    from kairan.relay.dial import DialFault, wait_session
    from kairan.relay.pool import Answer, Pool, PoolStatistics
    from kairan.relay.reach import Reach
    from kairan.relay.session import Session
    from kairan.relay.settings import RelaySettings
else:
    __getattr__ = late_names(
        __name__,
        {
            "destination": ("Destination", "TlsPolicy"),
            "dial": ("DialFault", "wait_session"),
            "pool": ("Answer", "Pool", "PoolStatistics"),
            "reach": ("Reach",),
            "session": ("Session",),
            "settings": ("RelaySettings",),
        },
    )

__all__ = [
    "Answer",
    "Destination",
    "DialFault",
    "Pool",
    "PoolStatistics",
    "Reach",
    "RelaySettings",
    "Session",
    "TlsPolicy",
    "wait_session",
]
