"""One name in all its spellings."""

import unicodedata

import pytest

from kairan.mail.address import ascii_form, domain_of, key_of, parse_address

NFD = unicodedata.normalize("NFD", "b\u00fccher.test")
BOOKS = [
    "b\u00fccher.test",
    "B\u00dcCHER.test",
    NFD,
    NFD.upper(),
    "xn--bcher-kva.test",
    "XN--BCHER-KVA.TEST",
    "b\u00fccher\u3002test",
    "\uff42\u00fccher.test",
    "b\u00fccher.test.",
]


@pytest.mark.parametrize("domain", BOOKS, ids=ascii)
def test_a_domain_is_one_however_it_is_written(domain):
    address = parse_address(f"user@{domain}", utf8=True)
    assert address is not None
    assert domain_of(address) == "xn--bcher-kva.test"
    assert key_of(address) == "user@xn--bcher-kva.test"
    assert ascii_form(address) == "user@xn--bcher-kva.test"


@pytest.mark.parametrize("local", ["J\u00dcRGEN", "j\u00fcrgen", "ju\u0308rgen", "JU\u0308RGEN"])
def test_a_local_part_is_one_in_nfc_and_nfd(local):
    address = parse_address(f"{local}@kairan.test", utf8=True)
    assert key_of(address) == "j\u00fcrgen@kairan.test"
    assert ascii_form(address) == address


OTHERS = {
    "user@fu\u00df.test": "user@xn--fu-hia.test",  # IDNA 2008: not "fuss"
    "user@fuss.test": "user@fuss.test",
    "user@\u4f1a\u793e.\u30c6\u30b9\u30c8": "user@xn--6oq404h.xn--zckzah",
    "user@i\u2764.test": "user@xn--i-7iq.test",
    "*@b\u00fccher.test": "*@xn--bcher-kva.test",
    "*.b\u00fccher.test": "*.xn--bcher-kva.test",
    "b\u00fccher.test": "xn--bcher-kva.test",
    "sales-*@b\u00fccher.test": "sales-*@xn--bcher-kva.test",
    "a@b\uff20c.test": None,
    "": "",
    "\u00fc@" + "\u00fc" * 300: None,
}


@pytest.mark.parametrize(("text", "key"), OTHERS.items(), ids=ascii)
def test_keys_of_addresses_domains_and_patterns(text, key):
    found = key_of(text)
    assert key_of(found) == found, "a key is its own key"
    if key is None:
        assert "xn--bcher" not in found
    else:
        assert found == key


def test_two_names_stay_two():
    assert len({key_of(f"user@{name}.test") for name in ("bucher", "b\u00fccher", "buecher")}) == 3
