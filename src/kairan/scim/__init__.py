"""SCIM: people and groups that Entra, or another directory, pushes to us.

In      HTTP at /scim/v2, beside the issuer, with a bearer token of `kairan scim token`
Out     mailboxes, contacts and static groups of the directory, whose source is `scim`
Keeps   what was pushed, as a document each, and who is in which group: in the directory's database
Never   keeps what it has no use for (telephones, photos, passwords); lets a token's hash be compared
        in a time that tells something; believes what a document says of itself (`id`, `meta`)
Limits  1 MiB a request, 64 KiB a person, 1,000 operations a PATCH, 200 resources a page
Damage  a change that cannot be made whole is not made, and the reply says why; the directory goes on
        with what was pushed before
RFC     7643 (documents), 7644 (protocol), 6750 (bearer tokens)
"""
