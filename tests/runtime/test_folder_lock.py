"""A folder that one process at a time works in."""

import os
import subprocess
import sys

import pytest

from kairan.runtime.folder_lock import FolderLockedError, check_unlocked, lock_folder


def test_who_has_it_is_said_with_number_and_command(tmp_path):
    program = (
        "import sys, pathlib; from kairan.runtime.folder_lock import lock_folder; "
        "lock_folder(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, tmp_path / "lock", "--a-word"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        for ask in (lock_folder, check_unlocked):
            with pytest.raises(FolderLockedError) as caught:
                ask(tmp_path / "lock")
            assert f"process {other.pid} (python" in caught.value.holder
            assert "--a-word" in caught.value.holder
        other.kill()
    os.close(lock_folder(tmp_path / "lock"))


def test_looking_leaves_nothing_behind(tmp_path):
    check_unlocked(tmp_path / "lock")
    assert not list(tmp_path.iterdir())


def test_a_lock_that_was_given_up_is_free(tmp_path):
    os.close(lock_folder(tmp_path / "lock"))
    check_unlocked(tmp_path / "lock")
    os.close(lock_folder(tmp_path / "lock"))


def test_a_lock_file_that_names_nobody_is_held_all_the_same(tmp_path):
    held = lock_folder(tmp_path / "lock")
    (tmp_path / "lock").write_text("")
    with pytest.raises(FolderLockedError, match="another process"):
        check_unlocked(tmp_path / "lock")
    os.close(held)


def test_nothing_that_lies_there_makes_it_wait_or_follow(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    check_unlocked(tmp_path / "fifo")
    with pytest.raises(OSError, match="link"):
        lock_folder(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()
