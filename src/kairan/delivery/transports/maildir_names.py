"""Names in the file system made from addresses and from the moment, safe whatever they hold.

An address may be `"../../etc"@example.com` or `-rf@example.com`: what is not plainly harmless is
written as %XX, so is a dot or dash in front, and different addresses never share a name.
"""

import hashlib
import itertools
import os
import re
import socket
import time

from kairan.mail.address import key_of

# Linux allows 255 octets; longer names are cut and end in a digest, which keeps them apart.
NAME_OCTETS_MAX = 200

_UNSAFE = re.compile(rb"[^a-z0-9@._+=-]|^[.-]")
_numbers = itertools.count()


def folder_name(address: str) -> str:
    """The folder of a mailbox: in lower case, for local parts are compared without case."""
    raw = key_of(address).encode()
    name = _UNSAFE.sub(lambda match: b"%%%02x" % match[0][0], raw).decode()
    if len(name) <= NAME_OCTETS_MAX:
        return name
    # "%~" cannot come from the rule above, so no short name looks like a cut one.
    return f"{name[:NAME_OCTETS_MAX]}%~{hashlib.sha256(raw).hexdigest()[:32]}"


def file_name() -> str:
    """maildir(5): time, what is unique within this host at this time, host."""
    now = time.time_ns()
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
    unique = f"M{now // 1000 % 1_000_000}P{os.getpid()}Q{next(_numbers)}"
    return f"{now // 1_000_000_000}.{unique}.{host}"
