"""Recipient filter: who belongs to a dynamic group, as Exchange's administrators write it.

    "(RecipientTypeDetails -eq 'UserMailbox') -and (Title -like 'Director*')"     OPATH text
         │  opath.py    grammar, and errors that point at the character
         ▼
    And(OfType(...), Matches(Title, ("Director", "")))                            tree.py
         │
         ├─▶ sql.py         a condition on our own tables
         ├─▶ ldap.py        a filter for a directory server (RFC 4515)
         └─▶ predicate.py   a function of one recipient's facts

In      OPATH text, or the precanned conditions, which are written as such text (precanned.py)
Out     one tree, and the same members from all three
Keeps   one meaning of "equal" for text (folding.py): case, width and blanks do not count
Never   asks a database or a server itself
Limits  Exchange's: 2,048 characters, `*` at the end alone, its properties (settings.py, properties.py);
        ours: how deep a filter nests and how many `*` it has, so that none costs much
"""
