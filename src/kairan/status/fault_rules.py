"""Whether the workers follow the fault rules as they were set: who sets one goes on when they do."""

import time

from kairan.config.model import Configuration
from kairan.intake.control import ControlUnavailableError, ask_status

# Workers look twenty times a second; a loaded machine is slower.
_WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.02


def wait_followed(configuration: Configuration, version: int) -> bool:
    """Blocks.  Of a service that does not run nobody has to follow."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            workers = ask_status(configuration.control_directory, seconds=_WAIT_SECONDS)
        except ControlUnavailableError:
            return True
        follow = all(int(one.get("faults", 0)) >= version for one in workers.reports)
        if follow and not workers.silent:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
