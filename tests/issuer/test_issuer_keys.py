import os
import stat

import pytest

from kairan.issuer.keys import TOKEN_SECONDS_MAX, KeyRing, thumbprint
from kairan.issuer.settings import Algorithm, IssuerServiceSettings

SETTINGS = IssuerServiceSettings(algorithm=Algorithm.ES256, key_days=10, key_lead_seconds=600)
DAY = 86_400


@pytest.fixture
def ring(tmp_path, clock):
    ring = KeyRing(tmp_path / "keys", clock=clock)
    ring.renew(SETTINGS)
    return ring


def test_the_first_key_signs_at_once_and_stays(ring):
    assert [ring.signing()] == list(ring.published())
    assert not ring.renew(SETTINGS)


def test_only_its_owner_may_read_a_key(ring, tmp_path):
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_root_makes_is_the_services(tmp_path, clock):
    os.chown(tmp_path, 12_345, 12_345)
    KeyRing(tmp_path / "keys", clock=clock).renew(SETTINGS)
    (file,) = (tmp_path / "keys").iterdir()
    assert {file.stat().st_uid, file.parent.stat().st_uid} == {12_345}


def test_a_key_is_published_before_it_signs_and_until_its_last_token_is_dead(ring, clock):
    first = ring.signing()
    clock.now += 10 * DAY
    assert ring.renew(SETTINGS)
    assert ring.signing() == first
    second = ring.published()[-1]
    assert [key.id for key in ring.published()] == [first.id, second.id]
    clock.now += 600
    assert ring.signing() == second
    clock.now += TOKEN_SECONDS_MAX
    assert first in ring.published()
    clock.now += 301  # the verifiers' clocks may be slow
    assert list(ring.published()) == [second]


def test_dead_keys_leave_the_disk(ring, clock, tmp_path):
    clock.now += 10 * DAY
    ring.renew(SETTINGS)
    clock.now += 2 * DAY
    ring.renew(SETTINGS)
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_another_process_s_rotation_is_seen(ring, tmp_path, clock):
    other = KeyRing(tmp_path / "keys", clock=clock)
    key = other.add(Algorithm.ES256, lead_seconds=0)
    clock.now += 1
    assert ring.signing().id == key.id


def test_revoking_unpublishes_all_but_one(ring):
    clean = ring.add(Algorithm.ES256, lead_seconds=0)
    assert ring.revoke(but=clean) == 1
    assert [key.id for key in ring.published()] == [clean.id]


def test_another_algorithm_makes_the_next_key(ring, clock):
    rsa = IssuerServiceSettings(algorithm=Algorithm.RS256)
    assert ring.renew(rsa)
    assert [key.algorithm for key in ring.published()] == ["ES256", "RS256"]


def test_what_is_published_holds_no_private_part(ring):
    (key,) = ring.published()
    assert set(key.public()) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_key_is_named_by_its_thumbprint():
    """The example of RFC 7638 section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc"
        "_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj"
        "QR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-b"
        "FTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    public = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(public) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
