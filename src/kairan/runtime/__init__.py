"""Runtime: what processes need and no mail rule knows: TLS without I/O, certificates, files, log lines,
privileges, a watchdog.

In      nothing of ours
Out     TlsChannel, certificates read and made, private files, ids; logging set up once, output that
        nobody waits for; the rights that root gives up; whether a child still does its work
Never   imports another package
"""
