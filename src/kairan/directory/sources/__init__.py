"""Directory sources: people, contacts and groups that another directory keeps.

    LDAP, AD ─────┐
    CSV ──────────┼─▶ a reading ──compared──▶ changes ──applied──▶ the directory, one transaction
    SCIM (pushed) ┘   values.py          compare.py         apply.py

In      what a source has, whole or what changed since a mark; each with an id that never changes
Out     mailboxes, contacts and groups of the directory that bear the source's name
Order   a source's first people are written while the rest is read (ldap/first.py); later all is read first
Keeps   the last good copy, which is the directory itself: a source that is down changes nothing
Never   touches what was put in by hand or came from another source; follows a referral
Limits  settings.py; a source that lacks half of what it had is not believed
Damage  who cannot be taken (an address that is taken, or of no domain of ours) is left out and named
"""
