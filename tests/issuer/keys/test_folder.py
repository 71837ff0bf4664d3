"""Keys as files of a machine: whose they are."""

import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.key import Key
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


def test_a_key_that_is_to_sign_is_proved_to_be_whole_and_one_that_is_looked_at_is_not(folder):
    """A signature by such a key tells its secret: Boneh, DeMillo, Lipton, 1997."""
    numbers = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_numbers()
    damaged = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d,
        numbers.dmp1 ^ 2,
        numbers.dmq1,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    key = Key.of(damaged, 7)
    KeyFolder(folder).add(key, after="")
    assert [one.id for one in KeyFolder(folder, to_sign=False).read()] == [key.id]
    with pytest.raises(ValueError, match="Invalid private key"):
        KeyFolder(folder).read()
