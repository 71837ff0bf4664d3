"""The spool in PostgreSQL: databases that the workers of several machines share.

    shard.py          the `Spool` that others see: puts the parts together, keeps house
    spread.py         several databases, over which a node spreads what it takes in
    writer.py  commit.py  schema.py       group commit, its operations, its tables
    rows.py           how jobs and messages stand in a statement
    epochs.py         who is alive: epochs begin, are renewed, and are fenced
    memory.py  leasing.py                 what this worker has leased, and how it gets more
    content.py        large contents in chunks, on the way in and out
    sessions.py  errors.py                connections, found again; what went wrong, in a sentence
    nodes.py          what nodes tell one another, and what operators see and order
    scan.py  view.py  blocking.py         the queue for commands, which do not run an event loop

In      a URL of `[spool] url`, and what the interface takes
Out     what the interface gives
Keeps   what a commit has acknowledged, as durably as the server's `synchronous_commit` says.
Never   answers for a commit whose answer was lost before it has looked it up.
Limits  six connections for each worker and database, one for each node; memory as the settings say.
Damage  a record that does not read stays in its row, marked, listed and leased to nobody.
"""
