"""An empty Debian and a Debian package of this checkout: each made once for a run, whichever process asks first."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.debian import DebianRoot, make_root

SOURCE = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)`: the path of that name, made by one of the test processes."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # of pytest-xdist's processes: theirs are side by side
        shared = shared.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        place, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(place)
                done.touch()
        return place

    return once


@pytest.fixture(scope="session")
def base_root(once):
    """To be copied; nothing is installed in it."""
    return DebianRoot(once("debian-base", make_root))


@pytest.fixture(scope="session")
def package(once):
    """What `make deb` builds."""
    [found] = once("debian-package", _build).glob("kairan_*.deb")
    return found


def _build(folder: Path) -> None:
    done = subprocess.run(
        [SOURCE / "deploy" / "debian" / "build", folder],
        env={**os.environ, "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
