"""Testing: what our tests use and yours may.

In      a directory of yours, a script
Out     `running_demo`: the demo organisation as a child process, and what lies in its mailboxes;
        `ScriptedPeer`: a server that keeps to the protocol until its rules say otherwise;
        `FakeClock`: stands still until it is told to move;
        `kairan_toml`: the configuration of a service of your own;
        fixtures of pytest (plugin.py), in every test run where kairan is installed
Keeps   nothing outside the directory
Never   is imported by the service
Limits  names are imported when they are asked for: a test run that uses no fixture of ours pays nothing
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kairan.testing.clock import FakeClock
    from kairan.testing.configuration import kairan_toml, listener
    from kairan.testing.hve import Hve
    from kairan.testing.peer import Cut, Hang, Pause, ReceivedMessage, Rule, Say, ScriptedPeer
    from kairan.testing.service import Demo, DemoAccount, DemoError, running_demo

__all__ = [
    "Cut",
    "Demo",
    "DemoAccount",
    "DemoError",
    "FakeClock",
    "Hang",
    "Hve",
    "Pause",
    "ReceivedMessage",
    "Rule",
    "Say",
    "ScriptedPeer",
    "kairan_toml",
    "listener",
    "running_demo",
]

_FROM = {
    "clock": ("FakeClock",),
    "configuration": ("kairan_toml", "listener"),
    "hve": ("Hve",),
    "peer": ("Cut", "Hang", "Pause", "ReceivedMessage", "Rule", "Say", "ScriptedPeer"),
    "service": ("Demo", "DemoAccount", "DemoError", "running_demo"),
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _FROM.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
