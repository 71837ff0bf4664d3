"""Testing: what our tests use and yours may.

In      a directory of yours, a script
Out     `running_demo`: the demo organisation as a child process, and what lies in its mailboxes;
        `ScriptedPeer`: a server that keeps to the protocol until its rules say otherwise;
        `FakeClock`: stands still until it is told to move;
        `kairan_toml`: the configuration of a service of your own
Keeps   nothing outside the directory
Never   is imported by the service
"""

from kairan.testing.clock import FakeClock
from kairan.testing.configuration import kairan_toml, listener
from kairan.testing.peer import Cut, Hang, Pause, ReceivedMessage, Rule, Say, ScriptedPeer
from kairan.testing.service import Demo, DemoAccount, DemoError, running_demo

__all__ = [
    "Cut",
    "Demo",
    "DemoAccount",
    "DemoError",
    "FakeClock",
    "Hang",
    "Pause",
    "ReceivedMessage",
    "Rule",
    "Say",
    "ScriptedPeer",
    "kairan_toml",
    "listener",
    "running_demo",
]
