"""A command on a terminal of a given size: colour, width and what is shown there are as a person sees them."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LINES = 40
# What moves the cursor or colours: CSI sequences, and those that set a title.
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


@contextmanager
def on_terminal(
    words: Sequence[str | Path],
    *,
    columns: int = 80,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The process, and our end of its terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    process = subprocess.Popen(
        words,
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=folder,
        env=_environment(environment),
        start_new_session=True,
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        os.close(ours)


def shown_on_terminal(
    words: Sequence[str | Path],
    *,
    columns: int = 80,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """The exit code, and all that stands on the terminal, without its colours."""
    with on_terminal(words, columns=columns, folder=folder, environment=environment) as (
        process,
        ours,
    ):
        octets = b""
        while piece := _read(ours):
            octets += piece
        code = process.wait(60)
    return code, plain_text(octets)


def plain_text(octets: bytes) -> str:
    return _STYLE.sub("", octets.decode()).replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # EIO: nobody has the other end any more
        return b""


def _environment(changes: Mapping[str, str] | None) -> dict[str, str]:
    """Without what would say another size than the terminal's own."""
    mine = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    return {**mine, "TERM": "xterm-256color", **(changes or {})}
