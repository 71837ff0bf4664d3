"""Web: a process that answers HTTP, and what a connection to it may cost.

In      service: a socket, the certificate, an application (Starlette's)
Out     uvicorn, bounded: head, connections in all and of one address, the time of each
Keeps   a stranger who holds connections from taking the places of the others.
Never   what is answered, or who may ask: that is the issuer's, SCIM's, the API's.
Limits  `WebLimits`, and the numbers in server.py, each with its reason
RFC     9110, 9112 (HTTP), 8446 section 5.1 (how HTTPS is told from HTTP at one port)
"""
