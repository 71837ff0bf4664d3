"""An empty Debian, and commands run in it: packages by the mirror and the index that this machine uses."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS_MAX = 900  # for one script: a slow mirror on a machine with much else to do
_PIP_LINE = re.compile(r"(?:global|install|:env:)\.([a-z-]+)='(.*)'")


def can_make_roots() -> bool:
    return os.geteuid() == 0 and shutil.which("mmdebstrap") is not None


@dataclass(frozen=True, slots=True)
class DebianRoot:
    place: Path

    def run(self, script: str, *, folder: str = "/", has_network: bool = True) -> str:
        """What it says; the first command that fails ends it.  Processes that it leaves behind end
        with it, and so do the mounts.  Without a network there is loopback, and every port is free.
        """
        pip = pip_settings()
        inside = ["env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8"]
        inside += [f"{_variable(name)}={_elsewhere(value)}" for name, value in pip.items()]
        inside += ["sh", "-euc", f"cd {shlex.quote(folder)}\n{script}"]
        outside = [f"mount -t proc proc {self.place}/proc"]
        outside += [_bound(path, self.place) for path in _paths_in(pip.values())]
        outside += [] if has_network else ["ip link set lo up"]
        outside += [f"exec chroot {self.place} {shlex.join(inside)}"]
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
            + ([] if has_network else ["--net"])
            + ["sh", "-ec", "\n".join(outside)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def make_root(place: Path) -> DebianRoot:
    """Debian as it is when nothing has been installed in it; of this machine's release."""
    release = re.search(
        r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE
    )
    assert release is not None, "mmdebstrap is there, so this is Debian"
    command = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        release[1],
        place,
        _mirror(),
    ]
    subprocess.run(command, check=True, timeout=SECONDS_MAX, capture_output=True)
    shutil.copy("/etc/resolv.conf", place / "etc" / "resolv.conf")
    return DebianRoot(place)


def copied(base: DebianRoot, place: Path) -> DebianRoot:
    """The same again: a second, where making one takes twelve."""
    command = ["cp", "--archive", "--reflink=auto", str(base.place), str(place)]
    subprocess.run(command, check=True, timeout=SECONDS_MAX)
    return DebianRoot(place)


def _mirror() -> str:
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
        capture_output=True,
        text=True,
        check=True,
    )
    uris = [line for line in targets.stdout.split() if line.rstrip("/").endswith("/debian")]
    return uris[0] if uris else "http://deb.debian.org/debian"


def pip_settings() -> Mapping[str, str]:
    """Of this machine's pip, whichever file they stand in, by name."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    return dict(_PIP_LINE.findall(listed.stdout))


def machine_paths() -> list[Path]:
    """Files and folders of this machine that those settings name."""
    return _paths_in(pip_settings().values())


def _variable(name: str) -> str:
    return f"PIP_{name.upper().replace('-', '_')}"


def _paths_in(values: Iterable[str]) -> list[Path]:
    """Folders of packages, lists of authorities: what a setting names on this machine."""
    words = (word.removeprefix("file://") for value in values for word in value.split())
    found = {Path(word) for word in words if word.startswith("/") and Path(word).exists()}
    return sorted(path.parent if path.name == "simple" else path for path in found)


def _elsewhere(value: str) -> str:
    for path in _paths_in([value]):
        value = value.replace(str(path), f"/{_inside(path)}")
    return value


def _bound(path: Path, root: Path) -> str:
    target = root / _inside(path)
    make = f"mkdir -p {target}" if path.is_dir() else f"mkdir -p {target.parent} && touch {target}"
    return f"{make} && mount --bind {path} {target} && mount -o remount,bind,ro {target}"


def _inside(path: Path) -> str:
    """Where it is in a root: at its own place a package might want to write."""
    return f"mnt/machine{path}"
