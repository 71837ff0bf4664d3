"""Directory: who and what the organisation is: accounts, mailboxes, groups, domains, apps.

In      the administrator's changes (CLI, CSV), each one transaction
Out     `Snapshot` in memory for the path to 250; streams of members for expansion
Keeps   everything in one SQL database, SQLite or PostgreSQL, with migrations
Never   is asked by SQL while a client waits; hashes a password
Limits  a million addresses in about 30 MB a worker; reads and writes pages of 1,000 rows
Damage  an unreachable database stops changes and expansion; intake goes on with the last snapshot
"""
