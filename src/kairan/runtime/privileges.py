"""What root gives up: commands in the service user's folders, and the service once it has its ports.

In a folder that somebody else may write, any name can be a link to anywhere by the time it is
opened.  So a command of root works there with the owner's rights: what the owner could not have
read or written himself, a link of his does not reach either, and what the command makes is his.
"""

import os
import pwd
from pathlib import Path

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


def act_as_oneself() -> None:
    """After `act_as_owner_of`, at the end of a command."""
    if os.geteuid() == os.getuid():
        return
    os.seteuid(os.getuid())
    os.setegid(os.getgid())
    os.setgroups(os.getgrouplist(pwd.getpwuid(os.getuid()).pw_name, os.getgid()))


def become(name: str) -> None:
    """For good.  Raises KeyError where there is no such user, OSError where we may not."""
    user = pwd.getpwnam(name)
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def _known(number: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(number)
    except KeyError:  # a user of a container or of another machine
        return None
