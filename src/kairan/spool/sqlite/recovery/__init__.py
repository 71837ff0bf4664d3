"""What a start does before a shard is used.

    start.py    folder, lock            (on a full disk: give up the reserve, then once more)
        │
    recover.py  ─▶ finish a salvage that a crash interrupted
        │
        ├──▶ before_opening.py ──▶ wal.py    is a frame that was acknowledged missing from what
        │        │                           SQLite would replay?
        │        ├─ no ────────────────────▶ SQLite may open the WAL as it is
        │        ├─ yes, but all can be mended ─▶ the mended WAL takes its place
        │        └─ yes ───────────────────▶ what reads takes its place, and a salvage is wanted
        │
        ├──▶ salvage.py, if wanted or the database does not read
        │        │   row by row through every table and index, forwards and backwards
        │        └──▶ carve.py   then page by page, without SQLite
        │
        └──▶ make whole: tables, files without rows, rows without files, due times, the next id

The order matters: opening a database already replays its WAL, and closing it removes the WAL, so
whatever SQLite would forget has to be read first.

Three rules hold throughout:

- **Each step is safe to be the last.**  A file is written under another name, synced, and renamed; the
  start that follows a crash finds either name, and either finishes or begins again.
- **Twice is better than never.**  Where it cannot be told whether a message was delivered, it is
  delivered again; where it cannot be told whether it was promised, it goes into quarantine.
- **No damage keeps a service from starting,** and none is mute: what cannot be read goes into
  quarantine with its reason, and is counted.
"""
