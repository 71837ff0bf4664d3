"""A backup is whole, readable by its owner alone, and brings back what was there."""

import io
import shutil
import sqlite3
import stat
import tarfile
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from kairan.config.backup import configuration_in, restore, write_backup
from kairan.config.errors import ConfigError
from kairan.config.installation import Installation, install
from kairan.config.read import load
from kairan.directory.store import Directory
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing, key_ring
from kairan.issuer.settings import Algorithm
from kairan.spool.sqlite.owner import own


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "k"
    plan = Installation(place=place, hostname="mail.example.com", domain="example.com")
    install(plan, now=datetime.now(UTC))
    KeyRing(KeyFolder(place / "data" / "issuer")).add(Algorithm.ES256, lead_seconds=0)
    (place / "data" / "trace").mkdir()
    with sqlite3.connect(place / "data" / "trace" / "trace-0.db") as trace:
        trace.execute("PRAGMA journal_mode = WAL")
        trace.execute("CREATE TABLE event (id INTEGER)")
        trace.execute("INSERT INTO event VALUES (7)")
    change(place, "before")
    return place


def configuration(place):
    return load(place / "kairan.toml")


def change(place, name):
    with Directory.open(configuration(place).directory_url) as directory:
        directory.set_organisation(name=name)


def name_in(place):
    with Directory.open(configuration(place).directory_url) as directory:
        return directory.organisation().name


def names_in(file):
    with tarfile.open(file) as archive:
        return sorted(archive.getnames())


def brought_back(place, file):
    with file.open("rb") as archive:
        return restore(configuration(place), archive)


def test_it_holds_what_makes_the_installation_and_no_mail(place, tmp_path):
    (place / "data" / "spool" / "shard-0").mkdir(parents=True)
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file)
    names = names_in(file)
    assert [name for name in names if not name.startswith("issuer/")] == [
        "backup.json",
        "directory.jsonl",
        "kairan.toml",
        "tls/certificate",
        "tls/key",
        "tls/rsa_certificate",
        "tls/rsa_key",
    ]
    assert sum(name.startswith("issuer/") for name in names) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))


def test_it_overwrites_nothing(place, tmp_path):
    file = tmp_path / "backup.tar.gz"
    file.write_text("another")
    with pytest.raises(ConfigError, match="is not overwritten"):
        write_backup(configuration(place), file)
    assert file.read_text() == "another"


def test_what_failed_leaves_no_half_file(place, tmp_path):
    (place / "tls" / "server.key").unlink()
    with pytest.raises(OSError, match="No such file"):
        write_backup(configuration(place), tmp_path / "backup.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["k"]


def test_everything_comes_back_in_an_empty_place(place, tmp_path):
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file, with_trace=True)
    key = KeyRing(KeyFolder(place / "data" / "issuer")).signing().id
    new = tmp_path / "new"
    new.mkdir()
    with file.open("rb") as archive:
        (new / "kairan.toml").write_bytes(configuration_in(archive))
    shutil.rmtree(place)
    restored = brought_back(new, file)
    assert name_in(new) == "before"
    assert restored.kept == ()
    assert (new / "tls" / "server.key").stat().st_mode & 0o077 == 0
    assert KeyRing(KeyFolder(new / "data" / "issuer")).signing().id == key
    with sqlite3.connect(new / "data" / "trace" / "trace-0.db") as trace:
        assert trace.execute("SELECT id FROM event").fetchall() == [(7,)]


def test_the_secret_of_keys_in_the_directory_comes_back_with_them(place, tmp_path):
    file, secret = tmp_path / "backup.tar.gz", place / "issuer.secret"
    secret.write_text("thirty-two-characters-and-then-a-few")
    settings = place / "kairan.toml"
    named = '[issuer]\nkeys_secret_file = "issuer.secret"\n'
    settings.write_text(f"{settings.read_text()}\n{named}")
    with shared_ring(place) as keys:
        key = keys.add(Algorithm.ES256, lead_seconds=0)
    write_backup(configuration(place), file)
    secret.unlink()
    brought_back(place, file)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    with shared_ring(place) as keys:
        assert keys.signing() == key


@contextmanager
def shared_ring(place):
    found = configuration(place)
    with Directory.open(found.directory_url) as directory:
        yield key_ring(found.issuer, found.issuer_directory, directory)


def test_what_was_changed_since_is_gone_and_no_log_of_the_old_is_left(place, tmp_path):
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file)
    reader = sqlite3.connect(place / "data" / "directory.db")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM revision").fetchall()  # holds the WAL open over a change
    change(place, "after")
    shutil.copy(place / "data" / "directory.db-wal", tmp_path / "old-wal")
    reader.close()
    shutil.copy(tmp_path / "old-wal", place / "data" / "directory.db-wal")
    restored = brought_back(place, file)
    assert name_in(place) == "before"
    assert len(restored.kept) == 4, "certificates that are there stay"


def test_a_running_service_is_not_restored_over(place, tmp_path):
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file)
    shard = place / "data" / "spool" / "shard-0"
    shard.mkdir(parents=True)
    own(shard)
    change(place, "after")
    with pytest.raises(ConfigError, match=r"the service runs .* stop it first"):
        brought_back(place, file)
    assert name_in(place) == "after"


@pytest.mark.parametrize("octets", [0, 10, 200, -100])
def test_a_file_that_was_cut_changes_nothing(place, tmp_path, octets):
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file)
    change(place, "after")
    file.write_bytes(file.read_bytes()[:octets])
    with pytest.raises(ConfigError, match=r"is no backup, or was cut"):
        brought_back(place, file)
    assert name_in(place) == "after"


def test_a_file_of_somebody_else_writes_nowhere_else(place, tmp_path):
    file = tmp_path / "backup.tar.gz"
    write_backup(configuration(place), file)
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(file) as good, tarfile.open(evil, "w:gz") as bad:
        for member in good.getmembers():
            bad.addfile(member, good.extractfile(member))
        for name in ("issuer/../../x", "issuer/.hidden", "/issuer/y", "trace/a/b"):
            member = tarfile.TarInfo(name)
            member.size = 1
            bad.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("issuer/link.pem")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        bad.addfile(link)
    before = sorted(path for path in tmp_path.rglob("*") if "data" not in path.parts)
    brought_back(place, evil)
    assert sorted(path for path in tmp_path.rglob("*") if "data" not in path.parts) == before
    assert len(list((place / "data" / "issuer").iterdir())) == 1
