"""Active Directory, OpenLDAP and their kin as a source: by bonsai, OpenLDAP's own library.

    server.py       servers in turn, TLS verified, pages, time-outs; the one file that knows bonsai
    names.py        distinguished names in one spelling, values that cannot become syntax
    membership.py   who is in a group, when groups nest
    reading.py      what to ask for: everything, what has changed, who is still there
    staged.py       people of a reading on disk, for a million of them do not fit in memory

A referral is never followed: who it names would be sent our password.
"""
