"""Token: would this access token open a mailbox, and which claim fails?

In      a token, or the answer of a token endpoint
Out     a report with each claim, and the code that the server would answer
Keeps   nothing; a token is never printed
Never   has a rule of its own: the claims are judged as `auth` judges them
Limits  the length of what is read, beside its function
Damage  what is no token is said to be what it is
RFC     7519 (tokens), 6749 (answers of a token endpoint), 7628 and XOAUTH2
"""
