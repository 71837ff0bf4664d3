"""The database's file."""

import stat

from kairan.directory.store import Directory


def test_the_file_with_the_hashes_is_its_owners(tmp_path):
    path = tmp_path / "directory.db"
    with Directory.open(f"sqlite:///{path}") as directory:
        directory.add_accepted_domain("kairan.test")
        for file in tmp_path.iterdir():  # with the WAL beside it
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
