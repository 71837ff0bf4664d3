"""A file replaced as a whole, and the turn to change one."""

import threading

import pytest

from kairan.runtime.files import locked, private_file


def test_a_private_file_is_its_owners_from_the_first_moment_and_seen_whole(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with private_file(path) as file:
        file.write(b"new")
        (draft,) = set(tmp_path.iterdir()) - {path}
        assert draft.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_where_writing_fails_the_old_file_stays_and_nothing_beside_it(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), private_file(path) as file:
        file.writelines([b"half", "no octets"])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_the_draft_is_not_followed(tmp_path):
    path, other = tmp_path / "state.json", tmp_path / "other"
    other.write_bytes(b"untouched")
    (tmp_path / ".state.json.new").symlink_to(other)
    with private_file(path) as file:
        file.write(b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"untouched")


def test_one_waits_until_the_other_has_let_go(tmp_path):
    order = []

    def second():
        with locked(tmp_path / "lock"):
            order.append("second")

    waiting = threading.Thread(target=second)
    with locked(tmp_path / "lock"):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
