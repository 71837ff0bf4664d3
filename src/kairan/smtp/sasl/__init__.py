"""SASL, the server's side: a mechanism is stepped with the client's lines.

In      base64 lines as they came
Out     a challenge, a user name with a password or a token, or an outcome
Never   verifies a password or a token
Limits  lengths of a user name and a password, in step.py and mechanisms.py
RFC     4616 (PLAIN), 4954, 6750, 7628 (OAUTHBEARER)
"""
