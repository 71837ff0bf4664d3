"""Keys that nodes share in the directory's database: sealed, and whole whatever dies."""

import subprocess
import sys

import pytest
from sqlalchemy import select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryUnavailableError
from kairan.directory.store import Directory
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.keys.table import KeySecretError, KeyTable
from kairan.issuer.settings import Algorithm

OTHER = "another-secret-of-more-than-32-characters"


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/keys.db"


@pytest.fixture
def keys(url):
    with Directory.open(url) as directory:
        yield directory.issuer_keys


@pytest.fixture
def ring(keys, secret_file):
    return KeyRing(KeyTable(keys, secret_file))


def test_the_database_holds_no_private_key(ring, keys):
    ring.add(Algorithm.ES256, lead_seconds=0)
    (row,) = keys.everyone()
    assert "PRIVATE" not in row.sealed
    assert row.sealed not in repr(row)


def test_with_another_secret_it_is_said_which_file_is_wrong_and_no_key_is_made(
    ring, keys, secret_file, tmp_path
):
    key = ring.add(Algorithm.ES256, lead_seconds=0)
    other = tmp_path / "other.secret"
    other.write_text(OTHER)
    with pytest.raises(KeySecretError, match=rf"other\.secret does not open .*{key.id}"):
        KeyRing(KeyTable(keys, other)).published()
    secret_file.write_text(f"{OTHER}\n{secret_file.read_text()}")
    assert list(KeyRing(KeyTable(keys, secret_file)).published()) == [key]


def test_the_secret_on_top_seals_so_the_one_below_goes_with_its_keys(ring, keys, secret_file):
    ring.add(Algorithm.ES256, lead_seconds=0)
    secret_file.write_text(f"{OTHER}\n{secret_file.read_text()}")
    both = KeyRing(KeyTable(keys, secret_file))
    newest = both.add(Algorithm.ES256, lead_seconds=0)
    secret_file.write_text(OTHER)
    with pytest.raises(KeySecretError):
        KeyTable(keys, secret_file).read()  # the first is still there
    both.revoke(but=newest)
    assert list(KeyTable(keys, secret_file).read()) == [newest]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: .* openssl rand"),
        ("", "one secret a line"),
        ("a word", "32 characters or more"),
    ],
)
def test_a_file_without_a_secret_is_refused(keys, tmp_path, content, said):
    file = tmp_path / "empty.secret"
    if content is not None:
        file.write_text(content)
    with pytest.raises(KeySecretError, match=said):
        KeyTable(keys, file)


def test_a_key_that_somebody_else_wrote_into_the_database_is_not_ours(ring, keys, url):
    ring.add(Algorithm.ES256, lead_seconds=0)
    database = Database(url)
    with database.writing() as connection:
        sealed = connection.execute(select(schema.issuer_key.c.sealed)).scalar()
        changed = sealed[:-8] + ("AAAAAAA=" if sealed[-8:] != "AAAAAAA=" else "BBBBBBA=")
        connection.execute(update(schema.issuer_key).values(sealed=changed))
    database.close()
    with pytest.raises(KeySecretError):
        ring.published()


def test_while_the_database_is_away_the_keys_that_are_known_stay_published(ring, keys, monkeypatch):
    key = ring.add(Algorithm.ES256, lead_seconds=0)
    assert list(ring.published()) == [key]
    monkeypatch.setattr(keys, "everyone", away)
    assert list(ring.published()) == [key]


def test_with_no_key_known_an_absent_database_is_said_to_be_absent(ring, keys, monkeypatch):
    monkeypatch.setattr(keys, "everyone", away)
    with pytest.raises(DirectoryUnavailableError):
        ring.published()


def away():
    raise DirectoryUnavailableError("away")


def test_the_first_node_brings_its_own_keys_along_and_the_second_does_not(ring, tmp_path):
    folders = [KeyFolder(tmp_path / name) for name in ("first", "second")]
    brought = [KeyRing(folder).add(Algorithm.ES256, lead_seconds=0) for folder in folders]
    assert [ring.take_over(folder) for folder in folders] == [1, 0]
    assert list(ring.published()) == brought[:1]


DIES = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from kairan.directory.store import Directory
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.keys.table import KeyTable
from kairan.issuer.settings import Algorithm, IssuerServiceSettings

with Directory.open(sys.argv[1]) as directory:
    ring = KeyRing(KeyTable(directory.issuer_keys, Path(sys.argv[2])))
    ring.published()
    written = lambda _c, _k, statement, *_: statement.startswith("INSERT INTO issuer_key")
    event.listen(Engine, "after_cursor_execute", lambda *facts: written(*facts) and os.kill(os.getpid(), signal.SIGKILL))
    ring.add(Algorithm.ES256, lead_seconds=0)
"""


@pytest.mark.peers
def test_what_a_killed_node_has_begun_another_one_does(postgresql, secret_file):
    url = postgresql.new_database()
    with Directory.open(url) as directory:
        ring = KeyRing(KeyTable(directory.issuer_keys, secret_file))
        first = ring.add(Algorithm.ES256, lead_seconds=0)
        died = subprocess.run([sys.executable, "-c", DIES, url, str(secret_file)], check=False)
        assert died.returncode == -9
        assert list(ring.published()) == [first]
        second = ring.add(Algorithm.ES256, lead_seconds=0)
        assert list(ring.published()) == [first, second]
