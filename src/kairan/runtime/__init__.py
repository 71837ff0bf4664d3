"""Runtime: what every process needs and no mail rule knows: TLS without I/O, ids, log lines.

In      nothing of ours
Out     TlsChannel, session ids, logging set up once
Never   imports another package
"""
