"""People and programs that an identity provider vouches for, at the console and the HTTP API.

In      the provider's discovery document, keys and answers, by functions that are given; tokens
Out     a person with a role, a program with a scope, or the reason why not
Keeps   where the provider's endpoints are, and its keys, in memory
Never   opens a socket, knows a page, takes a role from anything but the claim that is named
Limits  one fetch an interval; documents bounded by auth.tokens.fetch_octets_max
RFC     6749 section 4.1 (the code), 7636 (PKCE), 9207 (`iss` of the answer), 9068 section 2.2
"""
