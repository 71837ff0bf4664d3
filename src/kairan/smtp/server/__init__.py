"""The server's half: what a client may say now, what it said, and where its message ends.

In      octets of a client; the driver's answers to the events
Out     events for the driver; octets for the client
Keeps   the order of commands (states.py), and that content is never read as commands
Never   decides whether a sender, a recipient, a password or a message is welcome
Limits  lines in grammar.py, recipients and chunks in engine.py, errors and idle commands in policy.py
RFC     5321, 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 9422
"""
