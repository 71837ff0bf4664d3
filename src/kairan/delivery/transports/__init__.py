"""Transports: how messages leave, chosen by the scheme of a destination's text.

    maildir:DIR                    DIR/<address>/{tmp,new,cur}
    lmtp://HOST:PORT  lmtp:///SOCKET
    smtp://[USER[:PASSWORD]@]HOST[:PORT]    smtps:// for TLS from the first octet
    hve://?identity=NAME           High Volume Email, with the tokens of an [[identity]]
    mx:                            the recipient's domain decides (RFC 5321 section 5.1)
    capture:  capture:maildir:DIR  kept for a developer to look at, in the mailbox as well or not

In      the destination's text, once; then messages, with the recipients of one job
Out     one result per recipient, in their order
Keeps   sessions open (relay), Maildirs durable before it says so
Never   queues, tries again later, or raises what is not a CancelledError
Limits  settings.py, and the options behind the `?` of a destination
RFC     5321, 2033, 3461 section 5 (DSN passed on), 7505 (null MX); maildir(5)
"""
