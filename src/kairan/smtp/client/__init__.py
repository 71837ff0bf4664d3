"""The client's half: one session that carries message after message to another server.

In      octets of a server; envelopes and their content
Out     events for the owner: one reply for each recipient; octets for the server
Keeps   which recipient each reply belongs to, also where commands were pipelined
Never   decides whether or when a recipient is tried again
Limits  the length of a reply, in replies.py
RFC     5321, 1870, 2033, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 9422
"""
