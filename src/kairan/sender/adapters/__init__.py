"""Adapters: the sender where an application already has a place for one.

In      Django's settings, logging's records, smtplib's calls
Out     the same Sender, shared by all who name the same server and login
Keeps   sessions between two calls: each of these interfaces would open one for each message
Never   imports a framework that the application does not use
Limits  log records that wait for their mail: 256 KiB
Damage  failures are told as each interface tells them: exceptions of smtplib, counts, nothing
"""
