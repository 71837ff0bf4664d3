"""The spool in SQLite: a folder with one database for each worker, its shard.

    shard.py          the `Spool` that others see: puts the parts together, keeps house
    append.py  content.py                 on the way in: numbers, packs; contents as files
    writer.py  commit.py  schema.py       group commit, its transaction, its tables
    memory.py  ready_queue.py             what the owner holds in memory; which job is next
    leasing.py  reader.py  scan.py        on the way out: from memory, else from disk
    quarantine.py  quarantine_folder.py   what does not read
    disk_space.py  disk.py  folder.py  owner.py   the disk and what lies where on it
    recovery/         what a start does before all that
    operator/         how commands look at a shard and change it, beside its owner

Keeps   what a commit has acknowledged, through whatever a start may find.
Never   is written to by two owners.
Limits  one owner process, one writer thread; memory as the settings say.
"""
