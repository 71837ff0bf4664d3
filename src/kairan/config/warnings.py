"""What is allowed, and yet better known to whoever runs the service.

`check-config` prints it, and the service logs it at its start.
"""

from collections.abc import Iterator

from kairan.config.model import Configuration
from kairan.intake.settings import ListenerSettings


def warnings_of(configuration: Configuration) -> Iterator[str]:
    for listener in configuration.listeners:
        yield from _clear_text(listener)


def _clear_text(listener: ListenerSettings) -> Iterator[str]:
    if listener.auth_in_clear_text and not listener.is_loopback:
        yield (
            f"the listener on {listener.host} port {listener.port} takes logins in clear text "
            "(auth_in_clear_text): everyone on the line can read the passwords; give these "
            "accounts no other rights, and no password that is used elsewhere"
        )
