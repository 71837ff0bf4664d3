"""The spool in SQLite: a directory with one database for each worker, its shard.

In      shard.py puts the parts together and is the `Spool` that others see.
Keeps   what a commit has acknowledged (writer.py, commit.py), through whatever a start may find
        (recovery/).
Never   is written to by two owners; operators read and change it from beside (operator/).
Limits  one owner process, one writer thread; memory as the settings say (live.py, ready_queue.py).
"""
