"""Keys as files of a machine: whose they are."""

import os
import stat

import pytest

from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.settings import Algorithm


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def add_key(folder):
    return KeyRing(KeyFolder(folder)).add(Algorithm.ES256, lead_seconds=0)


def test_only_its_owner_may_read_a_key(folder):
    add_key(folder)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_file_is_named_by_its_beginning_and_its_key(folder):
    key = add_key(folder)
    assert [file.name for file in folder.iterdir()] == [f"{key.begins:012}-{key.id}.pem"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_root_makes_is_the_services(folder, tmp_path):
    os.chown(tmp_path, 12_345, 12_345)
    add_key(folder)
    (file,) = folder.iterdir()
    assert {file.stat().st_uid, file.parent.stat().st_uid} == {12_345}
