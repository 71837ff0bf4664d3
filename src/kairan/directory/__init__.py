"""Directory: who and what the organisation is: accounts, mailboxes, groups, domains, apps.

In      the administrator's changes (CLI, CSV), each one transaction
Out     `Snapshot` in memory for the path to 250; streams of members for expansion
Keeps   everything in one SQL database, SQLite or PostgreSQL, with migrations
Never   is asked by SQL while a client waits; hashes a password
Limits  a million addresses in about 100 MB a worker; reads and writes pages of 1,000 rows
Damage  an unreachable database stops changes and expansion; intake goes on with the last snapshot
"""

from typing import TYPE_CHECKING

from kairan.runtime.late import late_names

if TYPE_CHECKING:
    from kairan.directory.csv_import import ImportReport
    from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
    from kairan.directory.keeper import SnapshotKeeper
    from kairan.directory.model import (
        MAILBOX_ATTRIBUTES,
        Account,
        App,
        AppSecret,
        DeviceLogin,
        Group,
        Mailbox,
        Organisation,
        RegisteredApp,
        Snapshot,
        Trust,
    )
    from kairan.directory.snapshot import MemorySnapshot, read_snapshot
    from kairan.directory.store import Directory
else:
    __getattr__ = late_names(
        __name__,
        {
            "csv_import": ("ImportReport",),
            "errors": ("DirectoryError", "DirectoryUnavailableError"),
            "keeper": ("SnapshotKeeper",),
            "model": (
                "MAILBOX_ATTRIBUTES",
                "Account",
                "App",
                "AppSecret",
                "DeviceLogin",
                "Group",
                "Mailbox",
                "Organisation",
                "RegisteredApp",
                "Snapshot",
                "Trust",
            ),
            "snapshot": ("MemorySnapshot", "read_snapshot"),
            "store": ("Directory",),
        },
    )

__all__ = [
    "MAILBOX_ATTRIBUTES",
    "Account",
    "App",
    "AppSecret",
    "DeviceLogin",
    "Directory",
    "DirectoryError",
    "DirectoryUnavailableError",
    "Group",
    "ImportReport",
    "Mailbox",
    "MemorySnapshot",
    "Organisation",
    "RegisteredApp",
    "Snapshot",
    "SnapshotKeeper",
    "Trust",
    "read_snapshot",
]
