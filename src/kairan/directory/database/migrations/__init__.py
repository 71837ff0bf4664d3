"""How the database got its shape: Alembic's scripts, run by `kairan.directory.database.migrate`.

A script that has been released is never edited, and imports nothing of ours that may change.
"""
