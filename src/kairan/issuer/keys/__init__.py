"""The keys that sign: which one does, which are published, and where they are kept.

In      the clock, `kairan app rotate`
Out     the key that signs; those that are published
Keeps   keys in files of this machine (folder.py), or, sealed, in the directory's database, where all
        nodes of a cluster have them (table.py)
Never   signs, or decides who gets a token
Limits  a key is published until the last token it can have signed is dead, a day after its successor
        has begun
Damage  while the database is away the keys that are known stay published, and none is made
RFC     7517 (keys), 7638 (their names)
"""
