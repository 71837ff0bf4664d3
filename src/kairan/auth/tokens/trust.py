"""Where keys may come from.  By itself, for each command asks it of the configuration: keys.py brings
PyJWT and cryptography, a fourteenth of a command's start.
"""

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_trustworthy(url: str) -> bool:
    """Whether nobody between can exchange the keys: https, or http to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )
