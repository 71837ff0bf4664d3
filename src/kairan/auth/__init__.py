"""Auth: who are you?

In      a login name with a password or an access token, the directory's snapshot, the address
        they came from; issuers' key sets, by a `fetch` that is given
Out     the account (of a token also its expiry), or a Refuse with the reply; `hash_password`;
        `judge_basic`, `judge_modern`: the controls that stand before either
Keeps   digests of credentials verified lately; claims of genuine tokens by digest; issuers' keys;
        failures by address; all in memory only
Never   opens a socket, writes a password, a hash or a token into a log, locks an account for
        everybody, follows a token to where it says its key is
Limits  one hash a network and few threads at a time, suspects in a process that yields to all;
        one fetch an interval and issuer; every table has a bound (settings.py, tokens/settings.py)
Damage  a restart forgets all failures and all verified credentials: logins cost a hash again; an
        issuer that is down costs nothing until its keys are days old
RFC     4954 (the replies), 8265 section 4.2 (comparing passwords), 9106 (Argon2id), 7515, 7517 and
        7519 (tokens and keys), 8725 (their pitfalls), 9068 section 2.2
"""
