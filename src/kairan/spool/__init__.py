"""Spool: what we accepted is on disk before we say 250.

In      intake: append(envelope, content) -> SpoolId, after fsync
Out     delivery: wait_lease(), then complete(), defer() or split() for each job
Keeps   an accepted message through a crash of the process, the machine, or a full disk.
Never   decides who may send, parses MIME, knows a route or a list, or opens a socket.
Limits  in SQLite one owner process per shard, one writer thread; sizes and reasons in settings.py.
Damage  unreadable records go into quarantine and are listed, never dropped, never fatal;
        a start looks before SQLite does, and salvages (sqlite/recovery/).
RFC     5321 section 4.2.5 (taking responsibility), 6.1 (reliable delivery).

interface.py is what others see, whatever stores it; record.py how envelopes are packed; place.py where
commands find the queue.  sqlite/ is a shard for each worker on its own disk, postgresql/ a database that
several machines share.
"""
