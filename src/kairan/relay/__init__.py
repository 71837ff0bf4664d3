"""Relay: held sessions to other mail servers, and messages sent through them.

In      NextHop and RelaySettings; send(envelope, recipients, content)
Out     TransactionResult: one reply per recipient, and what the try says about the next hop
Keeps   open sessions, within caps on number, age, messages and idleness
Never   queues a message, decides when to try again, or offers a message to another session once
        its final dot has gone out: the peer may have it
Limits  settings.py, each wait after RFC 5321 section 4.5.3.2
Damage  a session in doubt is cut, never used again; what it was sending is deferred
RFC     5321, 2033 (LMTP), 3207 (STARTTLS), 8314 (implicit TLS), 8305 (dialling), 9422
"""
