"""backup, restore and directory move."""


def test_a_backup_brings_back_what_was_removed(shell, tmp_path):
    file = tmp_path / "backup.tar.gz"
    shell.done("mailbox", "add", "akiko@example.com")
    answer = shell.done("backup", file, "--json").json
    assert answer["octets"] == file.stat().st_size
    assert "is not overwritten" in shell.refused("backup", file)
    shell.done("mailbox", "remove", "akiko@example.com")
    restored = shell.done("restore", file, "-c", "kairan.toml", "--json").json
    assert restored["rows"] > 0
    assert len(restored["kept"]) == 4
    shell.done("mailbox", "show", "akiko@example.com")


def test_a_backup_makes_a_new_installation(shell, tmp_path):
    file = tmp_path / "backup.tar.gz"
    shell.done("mailbox", "add", "akiko@example.com")
    shell.done("backup", file)
    new = tmp_path / "new" / "kairan.toml"
    shell.done("restore", file, "-c", new)
    assert new.stat().st_mode & 0o007 == 0
    shell.done("mailbox", "show", "akiko@example.com", "-c", new)


def test_what_is_no_backup_is_said(shell, tmp_path):
    file = tmp_path / "backup.tar.gz"
    assert "cannot be read" in shell.refused("restore", file, "-c", "kairan.toml")
    file.write_text("nothing of the kind")
    assert "is no backup" in shell.refused("restore", file, "-c", "kairan.toml")


def test_the_directory_moves_into_another_database(shell, tmp_path):
    shell.done("mailbox", "add", "akiko@example.com")
    url = f"sqlite:///{tmp_path}/other.db"
    said = shell.done("directory", "move", url).out
    assert f'url = "{url}"' in said
    assert "holds a directory already" in shell.refused("directory", "move", url)
    file = shell.place / "kairan.toml"
    text = file.read_text()
    file.write_text(text.replace("[tls]\n", f'[directory]\nurl = "{url}"\n\n[tls]\n', 1))
    shell.done("mailbox", "show", "akiko@example.com")
