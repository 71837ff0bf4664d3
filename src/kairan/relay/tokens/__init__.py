"""Tokens: one access token for all sessions of an identity, never one that is about to end.

In      IdentitySettings ([[identity]] of the configuration, or an application's own)
Out     an identity that a next hop logs in with: user, token, and how long a session may use it
Keeps   the token in memory, and encrypted in a file (0600) for the next start and other processes
Never   logs a token or a secret; asks the issuer twice at once; asks on an event loop
Limits  settings.py; answers of issuers are read up to 256 KiB
Damage  a cache that cannot be read counts as empty, and the log says so
RFC     6749 section 4.4, 7523, 7628 (OAUTHBEARER), 8628 (device code)
"""
