"""Trace: what happened to each message, and who logged in or changed what.

In      events from intake and delivery; logins from intake and issuer; changes from the commands
Out     `Trace.record`, `search`; `Audit.record`; spans to a collector, where that is on (spans.py)
Keeps   the trace for 90 days, two files per worker: what happened to mail, and strangers refused; the audit in files of its own
Never   makes anybody wait: a trace that cannot keep up drops lines, counts them and says so
Limits  queue, file size and retention in settings.py
Damage  the trace is worth less than the mail: after a crash its last quarter second is missing
"""
