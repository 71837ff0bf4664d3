"""Testing: what our tests use and yours may.

In      a directory of yours, a script
Out     `running_demo`: the demo organisation as a child process, and what lies in its mailboxes;
        by module: `clock`, `disk` (fails when told to), `peer` (a server that misbehaves on
        command), `memory_spool`, `killable` (a service to be killed and started again), `ledger`,
        `recorder` and `senders` (who was promised what)
Keeps   nothing outside the directory
Never   is imported by the service
"""

from kairan.testing.service import Demo, DemoAccount, DemoError, running_demo

__all__ = ["Demo", "DemoAccount", "DemoError", "running_demo"]
