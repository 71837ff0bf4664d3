import pytest

from kairan.auth.passwords.hashing import hash_password, hasher, matches, password_fault
from kairan.auth.settings import AuthSettings

CHEAP = AuthSettings(argon2_memory_kib=8, argon2_time_cost=1)


def test_the_hash_is_argon2id_with_the_settings_numbers():
    assert hash_password("right horse").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_matches_its_hash_and_no_other_does():
    hashed = hash_password("right horse", CHEAP)
    assert matches(hashed, "right horse", hasher(CHEAP))
    for wrong in ("Right horse", "right horse ", "", "right\0horse"):
        assert not matches(hashed, wrong, hasher(CHEAP))


@pytest.mark.parametrize("damaged", ["", "x", "$argon2id$", "$2b$12$abc", "$argon2id$v=19$m=8"])
def test_what_is_no_hash_matches_nothing(damaged):
    assert not matches(damaged, "right horse", hasher(CHEAP))


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9 horse", "cafe\u0301 horse"), ("a\u3000b c d e", "a b c d e")],
    ids=["composed or not", "wide space"],
)
def test_it_does_not_matter_how_a_client_composes_letters(one, other):
    assert matches(hash_password(one, CHEAP), other, hasher(CHEAP))


def test_a_password_that_is_no_text_is_wrong_not_an_error():
    assert not matches(hash_password("right horse", CHEAP), "\udcff", hasher(CHEAP))


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("right horse", None),
        ("回覧回覧回覧回覧", None),
        ("x" * 256, None),
        ("seven77", "at least 8 characters"),
        ("x" * 257, "at most 256 characters"),
        ("right\nhorse", "control characters"),
        ("Printer@kairan.test", "must not be the account's address"),
        ("PRINTER1", None),
        ("printers", "must not be the account's address"),
    ],
)
def test_what_a_password_may_be(password, fault):
    address = "printers@kairan.test" if password == "printers" else "printer@kairan.test"
    said = password_fault(password, address=address)
    assert said is None if fault is None else fault in said.en
