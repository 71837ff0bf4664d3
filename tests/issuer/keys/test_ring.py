"""Which key signs and which are published, wherever keys are kept."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kairan.directory.store import Directory
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.key import thumbprint
from kairan.issuer.keys.ring import TOKEN_SECONDS_MAX, KeyRing
from kairan.issuer.keys.table import KeyTable
from kairan.issuer.settings import Algorithm, IssuerServiceSettings

SETTINGS = IssuerServiceSettings(algorithm=Algorithm.ES256, key_days=10, key_lead_seconds=600)
DAY = 86_400


@pytest.fixture(params=["folder", "sqlite", "postgresql"])
def storage(request, tmp_path, secret_file):
    """Makes what another process, or another node, has: it knows nothing of the first."""
    if request.param == "folder":
        yield lambda: KeyFolder(tmp_path / "keys")
        return
    url = f"sqlite:///{tmp_path}/keys.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    with Directory.open(url) as directory:
        yield lambda: KeyTable(directory.issuer_keys, secret_file)


@pytest.fixture
def ring(storage, clock):
    ring = KeyRing(storage(), clock=clock)
    ring.renew(SETTINGS)
    return ring


def test_the_first_key_signs_at_once_and_stays(ring):
    assert [ring.signing()] == list(ring.published())
    assert not ring.renew(SETTINGS)


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


def test_dead_keys_are_kept_no_longer(ring, clock, storage):
    clock.now += 10 * DAY
    ring.renew(SETTINGS)
    clock.now += 2 * DAY
    ring.renew(SETTINGS)
    assert len(storage().read()) == 1


def test_another_process_s_rotation_is_seen(ring, storage, clock):
    other = KeyRing(storage(), clock=clock)
    key = other.add(Algorithm.ES256, lead_seconds=0)
    clock.now += 1
    assert ring.signing() == key


def test_of_two_that_would_make_the_next_key_one_does(ring, storage, clock):
    clock.now += 10 * DAY
    seen = storage().read()
    assert ring.renew(SETTINGS)
    late = Late(storage(), seen)
    assert not KeyRing(late, clock=clock).renew(SETTINGS)
    assert len(ring.published()) == 2


class Late:
    """A storage as a node sees it that has looked and was then overtaken."""

    def __init__(self, storage, seen):
        self.read = lambda: seen
        self.add, self.remove = storage.add, storage.remove


def test_a_rotation_that_was_overtaken_comes_behind_the_other(ring, storage, clock):
    clock.now += 1
    first = ring.signing()
    second = ring.add(Algorithm.ES256, lead_seconds=0)
    overtaken = Late(storage(), [first])
    looks = iter([[first]])
    overtaken.read = lambda: next(looks, None) or storage().read()
    third = KeyRing(overtaken, clock=clock).add(Algorithm.ES256, lead_seconds=0)
    assert [key.id for key in ring.published()] == [first.id, second.id, third.id]


def test_revoking_unpublishes_all_but_one(ring):
    clean = ring.add(Algorithm.ES256, lead_seconds=0)
    assert ring.revoke(but=clean) == 1
    assert [key.id for key in ring.published()] == [clean.id]


def test_another_algorithm_makes_the_next_key(ring):
    rsa = IssuerServiceSettings(algorithm=Algorithm.RS256)
    assert ring.renew(rsa)
    assert [key.algorithm for key in ring.published()] == ["ES256", "RS256"]


def test_what_is_published_holds_no_private_part(ring):
    (key,) = ring.published()
    assert set(key.public()) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


@pytest.mark.peers
def test_nodes_that_are_all_due_make_one_key_together(postgresql, secret_file, clock):
    url = postgresql.new_database()
    Directory.open(url).close()

    def renew(_number):
        with Directory.open(url) as directory:
            return KeyRing(KeyTable(directory.issuer_keys, secret_file), clock=clock).renew(
                SETTINGS
            )

    with ThreadPoolExecutor(4) as nodes:
        assert sorted(nodes.map(renew, range(4))) == [False, False, False, True]


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
