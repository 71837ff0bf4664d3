"""One notation for addresses and networks."""

import ipaddress

import pytest

from kairan.auth.attempts import network_of
from kairan.runtime.ip import parse_network, plain_ip


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
        ("::", "::"),
    ],
)
def test_an_address_has_one_notation(written, plain):
    assert plain_ip(written) == plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_a_network_has_one_notation(written, plain):
    assert parse_network(written) == ipaddress.ip_network(plain)


def test_a_mapped_guesser_is_the_same_guesser():
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
