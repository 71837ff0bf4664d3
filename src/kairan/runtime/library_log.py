"""The log of packages that applications use too, as parts of the library.

In the service a line goes where all its lines go.  In an application nobody has set up ours, and
what is written to its standard output would be taken for its own: there it is the standard
library's logging, which says nothing until it is asked to.
"""

import logging
import sys
from typing import Any


class LibraryLog:
    """The two levels that the library needs."""

    def warning(self, event: str, **fields: Any) -> None:
        _write("warning", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        _write("exception", event, fields)


def _write(method: str, event: str, fields: dict[str, Any]) -> None:
    # Only who has imported it can have set it up, and with it come rich and a tenth of a second.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        getattr(structlog.get_logger(), method)(event, **fields)
    else:
        words = " ".join(f"{name}={value!r}" for name, value in fields.items())
        getattr(logging.getLogger("kairan"), method)("%s %s", event, words)
