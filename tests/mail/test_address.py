"""Addresses: what is one, and that nothing else passes for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.address import (
    DOMAIN_OCTETS_MAX,
    LOCAL_PART_OCTETS_MAX,
    PATH_OCTETS_MAX,
    address_literal,
    domain_of,
    key_of,
    local_of,
    parse_address,
)

ASCII = {
    "a@b": "a@b",
    "A.b+tag@Example.COM": "A.b+tag@example.com",
    "!#$%&'*+/=?^_`{|}~-@b.test": "!#$%&'*+/=?^_`{|}~-@b.test",
    '"a b"@b.test': '"a b"@b.test',
    '"a@b"@b.test': '"a@b"@b.test',
    r'"a\"b"@b.test': r'"a\"b"@b.test',
    "a@[192.0.2.1]": "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]": "a@[ipv6:2001:db8::1]",
    "a" * LOCAL_PART_OCTETS_MAX + "@b.test": "a" * LOCAL_PART_OCTETS_MAX + "@b.test",
    "a" * (LOCAL_PART_OCTETS_MAX + 1) + "@b.test": None,
    "a@" + ".".join(["b" * 63] * 5): None,
    "": None,
    "a": None,
    "@b.test": None,
    "a@": None,
    "a@b@c.test": None,
    ".a@b.test": '".a"@b.test',
    "a.@b.test": '"a."@b.test',
    "a..b@b.test": '"a..b"@b.test',
    '"a..b"@b.test': '"a..b"@b.test',
    "a..b@" + ".".join(["b" * 61] * 3 + ["b" * 62]): None,
    '"printer"@b.test': "printer@b.test",
    '"first.last"@b.test': "first.last@b.test",
    r'"\p\r"@b.test': "pr@b.test",
    r'"a\ b"@b.test': '"a b"@b.test',
    r'"\"\\"@b.test': r'"\"\\"@b.test',
    '""@b.test': '""@b.test',
    "a@b.test.": "a@b.test",
    '"a"@B.': "a@b",
    "a@b.test..": None,
    "a@.": None,
    "a@[192.0.2.1].": None,
    "a b@b.test": None,
    " a@b.test": None,
    "a@b.test ": None,
    "a@b.test\n": None,
    "a@-b.test": None,
    "a@b-.test": None,
    "a@b..test": None,
    "a@b_c.test": None,
    "a@" + "b" * 64 + ".test": None,
    "<a@b.test>": None,
    "a,b@b.test": None,
    "a:b@b.test": None,
    '"a"b@b.test': None,
    '"a\n"@b.test': None,
    '"a\x00"@b.test': None,
    "é@b.test": None,
    "a@é.test": None,
    "a@[1.2.3]": None,
}


@pytest.mark.parametrize(("text", "address"), ASCII.items(), ids=repr)
def test_ascii(text, address):
    assert parse_address(text) == address


UTF8 = {
    "é@b.test": "é@b.test",
    "社員@会社.test": "社員@会社.test",
    "a@BÉ.test": "a@bé.test",
    "a\u2028b@b.test": None,
    "a\u0085b@b.test": None,
    "a\u00a0b@b.test": None,
    "a\u202eb@b.test": None,
    "a\u200bb@b.test": None,
    "é" * 33 + "@b.test": None,
    "a@" + "é" * 130 + ".test": None,
}


@pytest.mark.parametrize(("text", "address"), UTF8.items(), ids=repr)
def test_utf8(text, address):
    assert parse_address(text, utf8=True) == address


@given(st.text(max_size=30) | st.from_regex(r"[a-z.\"@<>\s\x00-\x1f]{1,20}"), st.booleans())
def test_an_address_is_one_printable_word_with_a_domain(text, utf8):
    address = parse_address(text, utf8=utf8)
    if address is not None:
        assert address.isprintable()
        assert len(address.encode()) <= PATH_OCTETS_MAX
        assert 0 < len(domain_of(address)) <= DOMAIN_OCTETS_MAX
        if address.isascii():
            assert f"{local_of(address)}@{domain_of(address)}" == address
        assert parse_address(address, utf8=utf8) == address


def test_parts_and_key():
    assert local_of('"a@b"@c.test') == '"a@b"'
    assert domain_of("") == ""
    assert key_of("Printer@Kairan.test") == "printer@kairan.test"


@pytest.mark.parametrize(
    ("ip_address", "literal"),
    [
        ("192.0.2.7", "[192.0.2.7]"),
        ("2001:db8::7", "[IPv6:2001:db8::7]"),
        ("fe80::7%eth0", "[IPv6:fe80::7]"),
        ("::ffff:192.0.2.7", "[IPv6:::ffff:192.0.2.7]"),
    ],
)
def test_an_ip_address_as_an_address_literal(ip_address, literal):
    assert address_literal(ip_address) == literal
    assert parse_address(f"x@{literal}") is not None
