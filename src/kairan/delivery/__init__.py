"""Delivery: brings what the spool holds to where it belongs, or says that it could not.

In      jobs leased from the spool, a directory snapshot, members of groups, transports
Out     deliveries through transports; complete, defer or split for each job; reports (DSN)
        appended to the spool; trace events and log lines
Keeps   nothing: what must survive is in the spool before the next step begins
Never   knows the intake, opens a socket itself, or reports to the null sender
Limits  jobs in flight, concurrency, retries and their reasons in settings.py
Damage  a crash between delivery and its write delivers again; the reverse would lose mail
RFC     5321 section 4.5.4 (retries), 6.1, 6.3 (loops); 3461, 3464 (reports)
"""
