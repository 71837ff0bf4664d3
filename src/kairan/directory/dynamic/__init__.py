"""Dynamic groups: their members follow from a recipient filter, and are kept until the next refresh.

In      the filter of each group (`DynamicGroup`), recipients with their properties
Out     stored members, which expansion reads like those of any group; for a group of refresh 0 the
        filter's answer at each message (live.py)
Keeps   what each refresh changed, so that who asks why mail came or did not can be told
Never   empties a list because a source of ours has lost its people: a refresh that changes too much
        is kept back, and alerts
Limits  settings.py; evaluated in the database, so memory does not grow with the members
Damage  an unreachable database: the last list serves
"""
