"""What root gives up, seen from a process of its own."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

import kairan as kairan_package
from kairan.runtime.privileges import owner_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone can give it up")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def template():
    """Not below pytest's own folder, which it keeps from all others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        done = kairan(folder, "init", "k", "--domain", "example.com")
        assert done.returncode == 0, done.stderr
        yield Path(folder) / "k"


@pytest.fixture
def place(template):
    """An installation whose data and key are for nobody, on a path that all may walk."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = Path(folder) / "k"
        shutil.copytree(template, root)
        for path in (root / "data", *(root / "data").rglob("*"), *(root / "tls").iterdir()):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        yield root


def kairan(folder, *words, program="", **environment):
    """`program`: where to find it, in place of this environment's."""
    alone = ["-S"] if program else []
    if program:
        environment["PYTHONPATH"] = str(program)
    clean = {name: value for name, value in os.environ.items() if name != "KAIRAN_CONFIG"}
    return subprocess.run(
        [sys.executable, *alone, "-m", "kairan", *map(str, words)],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_of_root_follows_no_link_of_the_owner(place):
    secret = place.parent / "secret"
    secret.write_text("root's own")
    secret.chmod(0o600)
    for name in ("directory.db-wal", "directory.db-shm"):
        link = place / "data" / name
        link.unlink(missing_ok=True)
        link.symlink_to(secret)
        os.lchown(link, NOBODY.pw_uid, NOBODY.pw_gid)
    kairan(place, "mailbox", "add", "a@example.com")
    kairan(place, "queue", "list")
    kairan(place, "trace")
    assert secret.read_text() == "root's own"
    assert secret.stat().st_uid == 0


def test_a_data_folder_that_is_a_link_is_its_makers(place):
    elsewhere = place.parent / "elsewhere"
    elsewhere.mkdir()
    (place / "data").rename(place / "old")
    (place / "data").symlink_to(elsewhere)
    os.lchown(place / "data", NOBODY.pw_uid, NOBODY.pw_gid)
    assert owner_of(place / "data") == NOBODY.pw_uid
    assert kairan(place, "mailbox", "add", "a@example.com").returncode != 0
    assert list(elsewhere.iterdir()) == []


def test_what_a_command_of_root_makes_belongs_to_the_owner_of_the_data(place):
    assert kairan(place, "mailbox", "add", "a@example.com").returncode == 0
    assert kairan(place, "app", "rotate").returncode == 0
    made = list((place / "data").rglob("*"))
    assert any(path.suffix == ".pem" for path in made)
    assert {path.lstat().st_uid for path in made} == {NOBODY.pw_uid}


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o646])
def test_root_reads_no_configuration_that_others_may_write(place, mode):
    (place / "kairan.toml").chmod(mode)
    done = kairan(place, "check-config")
    assert done.returncode == 2
    assert "root does not read" in done.stderr


def test_root_reads_no_configuration_of_somebody_else(place):
    os.chown(place / "kairan.toml", NOBODY.pw_uid, -1)
    done = kairan(place, "check-config")
    assert done.returncode == 2
    assert "root does not read" in done.stderr


def test_the_variable_beats_the_file_that_lies_here(place):
    (place.parent / "kairan.toml").write_text("nonsense = 1\n")
    done = kairan(place.parent, "domain", "list", KAIRAN_CONFIG=str(place / "kairan.toml"))
    assert done.returncode == 0, done.stderr


def _uids_of(pid):
    """Real, effective, saved, of the file system."""
    return re.search(r"Uid:\s+(.*)", Path(f"/proc/{pid}/status").read_text())[1].split()


def served(place, *, user):
    settings = place / "kairan.toml"
    text = (
        settings.read_text().replace("0.0.0.0", "127.0.0.1").replace("port = 587\n", "port = 0\n")
    )
    text = text.replace("[server]\n", f"[server]\nworkers = 1\n{user}")
    settings.write_text(text.replace("enabled = true", "enabled = false"))
    process = subprocess.Popen(
        [sys.executable, "-m", "kairan", "serve"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    uids = [_uids_of(pid) for pid in (str(process.pid), *children)] if ready else []
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert ready, log
    return uids, log


def test_started_as_root_the_service_becomes_the_user_of_the_setting(place):
    uids, log = served(place, user='user = "nobody"\n')
    assert {uid for one in uids for uid in one} == {str(NOBODY.pw_uid)}
    assert "service.user" in log


def test_where_root_stays_root_the_log_says_so(place):
    uids, log = served(place, user="")
    assert {uid for one in uids for uid in one} == {"0"}
    assert "service.root" in log


@pytest.fixture
def closed_program():
    """The package and all that it imports, where nobody but root may read: on `PYTHONPATH`."""
    with tempfile.TemporaryDirectory() as folder:  # 0700, root's
        site = Path(sysconfig.get_paths()["purelib"])
        for one in site.iterdir():
            if one.suffix != ".pth" and not one.name.startswith("__editable__"):
                (Path(folder) / one.name).symlink_to(one)
        package = Path(folder) / "kairan"
        package.unlink(missing_ok=True)
        shutil.copytree(Path(kairan_package.__file__).parent, package)
        yield folder


COMMANDS = [
    ("mailbox", "add", "a@example.com"),
    ("account", "list", "--json"),
    ("queue", "list"),
    ("check-config",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_of_root_works_where_the_owner_cannot_read_the_program(
    place, closed_program, words
):
    done = kairan(place, *words, program=closed_program)
    assert done.returncode == 0, done.stderr
    made = list((place / "data").rglob("*"))
    assert {path.lstat().st_uid for path in made} == {NOBODY.pw_uid}


def test_what_is_loaded_late_runs_with_the_owners_rights(place, tmp_path):
    (tmp_path / "late.py").write_text("import os\nimport colorsys\nrights = os.geteuid()\n")
    tmp_path.chmod(0o700)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from kairan.runtime.privileges import act_as_oneself, act_as_owner_of\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"act_as_owner_of(Path({str(place / 'data')!r}))\n"
        "import late\n"
        "print(late.rights, os.geteuid())\n"
        "act_as_oneself()\n"
        "print(os.geteuid(), len([one for one in sys.meta_path if 'Program' in repr(one)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(NOBODY.pw_uid), str(NOBODY.pw_uid), "0", "0"]
