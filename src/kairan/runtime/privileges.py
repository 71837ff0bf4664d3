"""What root gives up: commands in the service user's folders, and the service once it has its ports.

In a folder that somebody else may write, any name can be a link to anywhere by the time it is
opened.  So a command of root works there with the owner's rights: what the owner could not have
read or written himself, a link of his does not reach either, and what the command makes is his.

The program itself may lie where the owner cannot read (root's own Python below /root), and parts of
it are loaded when they are needed: only finding and reading those is done with root's rights.  Where
they are looked for is what root began with, so nothing is loaded that could not have been before.
"""

import os
import pwd
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

_ROOT = 0


def owner_of(folder: Path) -> int:
    """Who could exchange it: the first on its path who is not root; root where there is none."""
    owner = _ROOT
    for place in (folder.absolute(), *folder.absolute().parents):
        try:
            owner = place.lstat().st_uid  # a link counts as its maker's
        except FileNotFoundError:
            continue
        if owner != _ROOT:
            return owner
    return owner


def act_as_owner_of(folder: Path) -> None:
    """Does nothing but for root.  The real user stays, so that `act_as_oneself` is possible."""
    if os.geteuid() != _ROOT:
        return
    owner = owner_of(folder)
    if owner == _ROOT:
        return
    user = _known(owner)
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid) if user else [])
    os.setegid(user.pw_gid if user else owner)
    os.seteuid(owner)
    sys.meta_path.insert(0, _ProgramFinder())


def act_as_oneself() -> None:
    """After `act_as_owner_of`, at the end of a command."""
    if os.geteuid() == os.getuid():
        return
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _ProgramFinder)]
    os.seteuid(os.getuid())
    os.setegid(os.getgid())
    os.setgroups(os.getgrouplist(pwd.getpwuid(os.getuid()).pw_name, os.getgid()))


def become(name: str) -> None:
    """For good.  Raises KeyError where there is no such user, OSError where we may not."""
    user = pwd.getpwnam(name)
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


@contextmanager
def reading_the_program() -> Iterator[None]:
    """For files of ours that lie beside the code, after `act_as_owner_of`; else nothing changes."""
    owner = os.geteuid()
    os.seteuid(os.getuid())
    try:
        yield
    finally:
        os.seteuid(owner)


class _ProgramFinder:
    """Asks the finders behind it, as root; what they find is read as root and run as the owner."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        with reading_the_program():
            for finder in sys.meta_path:
                if isinstance(finder, _ProgramFinder):
                    continue
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return _read_as_root(spec)
        return None


def _read_as_root(spec: ModuleSpec) -> ModuleSpec:
    loader: Loader | None = spec.loader
    if type(loader) is SourceFileLoader:
        spec.loader = _SourceLoader(loader.name, loader.path)
    elif type(loader) is ExtensionFileLoader:
        spec.loader = _ExtensionLoader(loader.name, loader.path)
    return spec


class _SourceLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        with reading_the_program():
            return super().get_code(fullname)


class _ExtensionLoader(ExtensionFileLoader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        with reading_the_program():
            return super().create_module(spec)


def _known(number: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(number)
    except KeyError:  # a user of a container or of another machine
        return None
