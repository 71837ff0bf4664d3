"""Mail: the words that all other packages speak.

In      bytes from the wire, once
Out     Address, Recipient, Envelope, Content, Reply; header lines of a message
Keeps   nothing
Never   reads a socket, a clock or a file; knows a rule of ours
RFC     5321 section 4.1.2 (addresses), 5322 section 2.2 (header fields), 3461 (DSN parameters)
"""
