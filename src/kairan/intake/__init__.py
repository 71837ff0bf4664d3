"""Intake: takes mail in by its listeners; `submission` is the one way to the spool.

In      octets of clients
Out     spool.append(envelope, content), and the reply that its answer allows
Keeps   nothing: what is not in the spool is not ours, and no client has heard 250 for it
Never   delivers, expands, does SQL or waits for the network on the path to 250
Limits  settings.py: sessions, time, errors; admission/settings.py: recipients, octets, rates
RFC     6409 (submission), 8314 (TLS), 3848 (protocol names in Received)
"""
