"""The two C programs, compiled on first use and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.errors import BenchError

SOURCES = Path(__file__).parent
FLAGS = ("-O2", "-std=gnu11")
LIBRARIES = {"load": ("-lssl", "-lcrypto"), "sink": ()}
MISSING_HEADER = "openssl/"


def compiled(name: str) -> Path:
    """The program `load` or `sink`.  Another source or other flags make another file."""
    source = SOURCES / f"{name}.c"
    build = (*FLAGS, *LIBRARIES[name])
    digest = hashlib.sha256(source.read_bytes() + " ".join(build).encode()).hexdigest()[:16]
    program = _cache() / f"bench-{name}-{digest}"
    if not program.exists():
        _compile(source, program, LIBRARIES[name])
    return program


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "kairan"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A home that cannot be written to, as that of a system user.
        return Path(tempfile.mkdtemp(prefix="kairan-bench-"))
    return folder


def _compile(source: Path, program: Path, libraries: tuple[str, ...]) -> None:
    """Into a file of its own first: two runs at once do not meet half a program."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError("there is no C compiler (cc): apt-get install gcc libc6-dev libssl-dev")
    unfinished = program.with_suffix(f".{os.getpid()}")
    command = [compiler, *FLAGS, "-o", str(unfinished), str(source), *libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(_why(source, done.stderr))
    unfinished.replace(program)


def _why(source: Path, stderr: str) -> str:
    if MISSING_HEADER in stderr or "-lssl" in stderr:
        return f"{source.name} needs OpenSSL's headers: apt-get install libssl-dev"
    return f"cc cannot compile {source}:\n{stderr.strip()}"
