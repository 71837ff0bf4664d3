"""Log lines: one per event, `key=value`, to standard error; set up once per process.

A line for each message and one for each delivery stand on the busiest paths that we have, so nothing
comes between the call and the line: structlog's own logger and a chain of processors cost as much
as the delivery's own rules.  What holds spaces, quotes or anything unprintable is quoted and
escaped, so that a hostile name can neither forge a line nor a field.

In the service nothing that is written waits (`never_waiting`, `output.py`), whoever writes it: our
lines, those of other packages (asyncio, uvicorn), Python's warnings, and exceptions that nobody
caught.
"""

import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, TextIO, cast

import structlog

from kairan.runtime.output import Output

_BARE = re.compile(r"[!#-<>-\[\]-~]+")  # printable ASCII without space, quote, equals, backslash
_ADDRESSES_MAX = 50  # of one line


def set_up(*, level: int = logging.INFO) -> None:
    file = _log_file()
    structlog.configure(
        processors=[line],
        wrapper_class=_Lines if level <= logging.INFO else _QuietLines,
        logger_factory=lambda *_: file,
        cache_logger_on_first_use=True,
    )


class _Lines(structlog.BoundLoggerBase):
    """What `log` is in the service: each call is a line in the file that it was made with."""

    def info(self, event: str, **fields: Any) -> None:
        self._say("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say("error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        self._say("error", event, {"exc_info": True, **fields})

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        fields["event"] = event
        (to_line,) = self._processors  # `line`, or a test's
        try:
            made: Any = to_line(self._logger, level, fields)
        except structlog.DropEvent:
            return
        self._logger.write(made + "\n")


class _QuietLines(_Lines):
    """For a command whose answer matters, and not its steps."""

    def info(self, event: str, **fields: Any) -> None:
        pass


def _log_file() -> TextIO:
    if isinstance(sys.stderr, Output):
        return cast("TextIO", sys.stderr)
    return cast("TextIO", _Lossy(sys.stderr))


@contextmanager
def never_waiting() -> Iterator[None]:
    """Around the service.  A process without an event loop calls `push` now and then, one with an
    event loop `start_thread` after its last fork, and each ends with `finish`.
    """
    before = (sys.stdout, sys.stderr, sys.unraisablehook, threading.excepthook)
    handler = _ToOneLine()
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    sys.stdout, sys.stderr = Output(1, _left_out), Output(2, _left_out)
    sys.unraisablehook, threading.excepthook = _unraisable, _thread_failed
    try:
        yield
    finally:
        finish()
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)
        (sys.stdout, sys.stderr, sys.unraisablehook, threading.excepthook) = before


def push() -> bool:
    """Tries again what could not be written; True when nothing is left."""
    pushed = [output.push() for output in _outputs()]
    return all(pushed)


def start_thread() -> None:
    """From now on a thread writes the log; nothing that forks may follow."""
    if isinstance(sys.stderr, Output):
        sys.stderr.start_thread()


def finish() -> None:
    for output in _outputs():
        output.finish()


def _outputs() -> list[Output]:
    return [file for file in (sys.stdout, sys.stderr) if isinstance(file, Output)]


def _left_out(count: int) -> str:
    return line(None, "warning", {"event": "runtime.log-lines-left-out", "count": count})


class _ToOneLine(logging.Handler):
    """What other packages log, in our shape."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name, "text": record.getMessage(), "exc_info": record.exc_info}
        _write(record.levelname.lower(), "runtime.python-logged", fields)


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    where = f"{unraisable.err_msg or 'exception ignored in'}: {unraisable.object!r}"
    _write("error", "runtime.python-unraisable", {"text": where, "exc_info": unraisable.exc_value})


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread is not None else ""
    _write("error", "runtime.python-thread-failed", {"thread": name, "exc_info": failed.exc_value})


def _write(level: str, event: str, fields: dict[str, Any]) -> None:
    sys.stderr.write(line(None, level, {"event": event, **fields}) + "\n")


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
    if fields:
        pairs = " ".join([f"{key}={value!s}" for key, value in fields.items()])
        words.append(pairs if _is_bare(pairs, len(fields)) else _quoted_where_needed(fields))
    if error:
        words.append(f"exception={word(_traceback(error))}")
    return " ".join(words)


def _is_bare(pairs: str, count: int) -> bool:
    """Whether so many `key=value` hold no space or equals sign of their own, and nothing to quote.

    Twice for each message: a few looks at the whole cost half of one at each value.
    """
    return (
        pairs.count(" ") == count - 1
        and pairs.count("=") == count
        and pairs.isascii()
        and pairs.isprintable()
        and '"' not in pairs
        and "\\" not in pairs
        and "= " not in pairs
        and pairs[-1] != "="
    )


def _quoted_where_needed(fields: MutableMapping[str, Any]) -> str:
    is_bare = _BARE.fullmatch
    texts = [value if type(value) is str else str(value) for value in fields.values()]
    return " ".join(
        [
            f"{key}={text if is_bare(text) else _quoted(text)}"
            for key, text in zip(fields, texts, strict=True)
        ]
    )


def word(value: object) -> str:
    """A value as it stands in a line: bare where that is unmistakable, else as a JSON string."""
    text = value if type(value) is str else str(value)
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """As `json.dumps` does it, which makes an encoder for each call."""
    return encode_basestring(text) if text.isprintable() else encode_basestring_ascii(text)


def shown(addresses: Sequence[str]) -> str:
    """A line stays below 4 KB or so; the trace has all of them."""
    more = len(addresses) - _ADDRESSES_MAX
    return ",".join(addresses[:_ADDRESSES_MAX]) + (f",+{more}" if more > 0 else "")


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
