"""Reports: what happened, for those who ask (trace) and those who must be told (DSN).

In      events from intake and delivery; outcomes of recipients
Out     `Trace.record`, `search`; `build_report`: a finished multipart/report message
Keeps   the audit (who logged in, who changed what) in files of its own; the trace for 90 days, two files per worker: what happened to mail, and strangers refused
Never   makes anybody wait: a trace that cannot keep up drops lines, counts them and says so
Limits  queue, file size and retention in settings.py
Damage  the trace is worth less than the mail: after a crash its last quarter second is missing
RFC     3464, 3461 section 6, 6533, 3834 (reports)
"""
