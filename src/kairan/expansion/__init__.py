"""Expansion: the recipients of a message behind its groups, each once, whatever the nesting.

In      envelope, recipients, a directory snapshot, members of groups as streams
Out     pieces of primary addresses, and at last `Expansion`: failures with their outcome, the groups
        that were expanded
Keeps   nothing: the spool stores the new jobs before the first copy goes out
Never   looks up a route, writes a queue, awaits; members are read in pieces, blocking, so
        delivery expands groups in a thread
Limits  depth and total, in settings.py; a loop of groups is no error
RFC     3461 section 5.2.7 (aliases and lists), 5321 section 3.9
"""
