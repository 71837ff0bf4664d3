"""Cli: what an operator types.  One file per command, each a thin caller of the library; the table
of them is commands.py, and a command is imported when it is asked for.

In      arguments, -c FILE, standard input
Out     tables on a terminal, JSON with --json; errors as one sentence on standard error
Keeps   nothing
Never   decides anything about mail, prints a traceback (but with --debug), or takes a password
        as an argument, where `ps` would show it
Limits  lists print as they are read, so that a million mailboxes need no memory
Damage  exit code 0: done; 1: failed, may succeed later; 2: the input must change
"""
