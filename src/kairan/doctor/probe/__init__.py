"""Probe: would this server take my mail, from here, with this login?

In      a server, perhaps a login, perhaps a recipient
Out     ProbeReport: each step with its mark, what was said, and what it means
Keeps   nothing
Never   sends a password or a token before a verified TLS handshake; sends mail only where asked
Limits  a deadline for each reply, in the settings
Damage  a fault of the network is a value, and a finding
RFC     5321, 3207 (STARTTLS), 4954 (AUTH), 8314
"""
