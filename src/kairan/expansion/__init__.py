"""Expansion: who receives it, each once, however many paths lead there.

In      envelope, recipients, a directory snapshot, members of groups as streams
Out     `Expansion`: primary addresses, failures with their outcome, the groups that were opened
Keeps   nothing: the spool keeps the answer before its first piece goes out
Never   looks up a route, writes a queue, awaits; members are read in pieces, blocking, so that
        whoever opens groups does it in a thread
Limits  depth and total, in settings.py; a loop of groups ends quietly
RFC     3461 section 5.2.7 (aliases and lists), 5321 section 3.9
"""
