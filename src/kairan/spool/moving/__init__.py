"""Moving: what waits goes from shards into a database, or back, while no service runs.

    steps.py      the order of the steps, and what an interruption leaves
    stored.py     a message with its jobs, as both storages hold it; how they are counted
    shard.py      a shard as source, and as target
    database.py   a database as source, and as target

In      a source, a target
Out     how many messages, jobs and recipients were moved
Keeps   all of it in one place at each moment: the target has nothing until it has everything.
Never   changes a record: envelope, recipients and content are the same octets afterwards.
Limits  contents in pieces, messages by the five hundred; one source at a time.
Damage  what does not read is moved as it is; quarantine stays in the folder of its shard.
"""
