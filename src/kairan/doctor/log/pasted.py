"""A log that was pasted, read as a file of memory alone: the reader goes back and forth in it."""

import os

from kairan.doctor.log.read import LogReport, TimeSpan, read_logs
from kairan.doctor.log.settings import LogSettings


def read_pasted(text: str) -> LogReport:
    descriptor = os.memfd_create("pasted-log", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        place = f"/proc/self/fd/{descriptor}"
        return read_logs([place], LogSettings(), span=TimeSpan(None, None))
