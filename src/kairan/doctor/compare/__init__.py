"""Compare: the same dialogue with two servers, and where their answers differ.

In      two servers, perhaps a login
Out     Comparison: the pairs of answers, masked, and the gravest difference of each
Keeps   nothing
Never   sends a password or a token before a verified TLS handshake
Limits  a deadline and a length for each reply
Damage  a server that cannot be reached is said to be so
RFC     5321, 3207, 4954
"""
