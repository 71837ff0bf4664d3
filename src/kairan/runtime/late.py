"""A room's public names, each brought in when it is first asked for.

Python runs a room's `__init__.py` before any module in it.  Were all names imported there, who
reads the settings of a room would load the whole of it: `kairan queue list` would wait for
argon2, cryptography, SQLAlchemy and the whole service.  So where a room is read from above for
less than it holds, its `__init__.py` says

    if TYPE_CHECKING:
        from kairan.auth.attempts import Attempts, network_of
    else:
        __getattr__ = late_names(__name__, {"attempts": ("Attempts", "network_of")})

Nothing is left for later where it matters: `from kairan.auth import Attempts` at the head of a
file loads `attempts` there and then, as ever, so what the service imports it has before its first
connection.  `tests/house/test_late_names.py` compares the two lists.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def late_names(room: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562).  No name may be that of a module in the room: once
    loaded, the module stands in the name's place.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def bring(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{module_of[name]}"), name)

    return bring
