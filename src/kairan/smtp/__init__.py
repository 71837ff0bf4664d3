"""SMTP: the protocol without I/O: states, grammar, SASL, server and client engines.

In      bytes a peer sent
Out     events for whoever drives the engine; bytes to send
Keeps   the order of commands, what TLS and AUTH forbid, and where a message ends
Never   opens a socket, reads a clock, touches a disk, or knows an account
Limits  line lengths and their reasons in server/grammar.py and server/engine.py
RFC     5321, 1870, 2033, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 9422
"""
