"""Issuer: gives applications the tokens they log in with, where there is no Entra or Keycloak.

In      HTTP: discovery, keys, tokens by client credentials and by device code
Out     signed tokens shaped as Entra's (v2.0); its public keys
Keeps   private keys in files of their own (mode 0600), or sealed in the directory's database, shared by
        the nodes of a cluster; nothing else: apps, hashes of their secrets and waiting device logins are
        the directory's
Never   shows a login page or takes a person's password; logs a secret, code or token; decides
        whether a token is good for mail
Limits  16 KiB a request, 50 connections, 100 waiting device logins, a back-off for wrong secrets;
        no token lives longer than a day
Damage  while it is away no new token is got; the service goes on with the keys it has seen
RFC     6749 sections 2.3.1, 4.4, 5; 7517 (keys), 7638 (their names), 8414 (discovery), 8628
"""
