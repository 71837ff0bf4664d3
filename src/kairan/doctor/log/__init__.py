"""Log: what was refused in these logs, whose it was, since when, and what to do first.

In      files, compressed or not, or standard input
Out     LogReport: causes by weight, with accounts and times
Keeps   nothing; passwords and tokens in its lines are blotted out (redact.py)
Never   reads a file whole: it goes by blocks
Limits  octets of a line and distinct accounts, in the settings
Damage  what no format fits is read by its words alone
RFC     5321 section 4.2 (replies)
"""
