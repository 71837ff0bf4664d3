"""Ports for servers that must know theirs before they listen."""

import secrets
import socket
from contextlib import ExitStack, suppress

# Below the range from which Linux takes the ports of outgoing connections (ip_local_port_range), so
# that none of them has it by the time the server starts.
_FIRST, _COUNT = 16_384, 16_384


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Held all at once, so that they differ.

    Not from `random`: test processes that run side by side have the same seed.
    """
    with ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            probe = stack.enter_context(socket.socket())
            port = _FIRST + secrets.randbelow(_COUNT)
            with suppress(OSError):  # somebody has it
                probe.bind(("127.0.0.1", port))
                ports.append(port)
        return ports
