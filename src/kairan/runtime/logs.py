"""Log lines: one per event, `key=value`, to standard error; set up once per process.

One processor writes the whole line: a line per delivery stands on the busiest path that we have,
and a chain of six cost more than the delivery's own rules.  What holds spaces, quotes or anything
unprintable is quoted and escaped, so that a hostile name can neither forge a line nor a field.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog

_BARE = re.compile(r"[!#-<>-\[\]-~]+")  # printable ASCII without space, quote, equals, backslash


def set_up(*, level: int = logging.INFO) -> None:
    structlog.configure(
        processors=[line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lossy(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Lossy:
    """A log that takes no more (its disk full, its reader gone) costs lines, never mail: what was
    delivered must still be written down.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()


def line(_logger: object, level: str, fields: MutableMapping[str, Any]) -> str:
    """`time= level= event=` first, then the fields in the order of the call."""
    error = fields.pop("exc_info", None)
    words = [f"time={_now()} level={level} event={word(fields.pop('event', ''))}"]
    words += [f"{key}={word(value)}" for key, value in fields.items()]
    if error:
        words.append(f"exception={word(_traceback(error))}")
    return " ".join(words)


def word(value: object) -> str:
    """A value as it stands in a line: bare where that is unmistakable, else as a JSON string."""
    text = value if type(value) is str else str(value)
    if _BARE.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _now() -> str:
    now = time.time()
    return f"{_second(int(now))}.{int(now * 1000) % 1000:03}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _traceback(error: object) -> str:
    """What `log.exception` hands over: True for the present one, an exception, or its triple."""
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return ""
    return "".join(traceback.format_exception(error))
