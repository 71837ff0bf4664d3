from datetime import UTC, datetime

import pytest

from kairan.config.errors import ConfigError
from kairan.config.installation import Installation, install
from kairan.config.read import load
from kairan.issuer.web.places import places_of


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    place = tmp_path_factory.mktemp("config") / "k"
    plan = Installation(
        place=place, hostname="mail.example.com", domain="example.com", issuer_port=8587
    )
    return install(plan, now=datetime.now(UTC))


def test_an_installation_believes_its_own_issuer(installed):
    configuration = load(installed)
    places = places_of(configuration.issuer)
    (believed,) = configuration.auth.issuers
    assert configuration.issuer.enabled
    assert believed.issuer == places.issuer
    assert believed.jwks_url == places.jwks
    assert believed.audiences == (configuration.issuer.audience,)
    assert believed.tenant == configuration.issuer.tenant
    assert configuration.own_issuer == places.issuer
    assert believed.account_claim == "upn", "our issuer writes the account's address there"


def test_two_installations_are_two_tenants(installed, tmp_path):
    plan = Installation(
        tmp_path / "k", hostname="mail.example.com", domain="example.com", issuer_port=8587
    )
    other = load(install(plan, now=datetime.now(UTC)))
    assert other.issuer.tenant != load(installed).issuer.tenant


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('host = "issuer.example.com"', '"host" must be an IP address'),
        ("port = 0", '"port" must be between 1 and 65535'),
        ('tenant = "a/b"', "is no tenant id"),
        ('url = "https://host/path"', "is not a URL without a path"),
        ("token_seconds = 100000", '"token_seconds" must be at most 86400'),
        ('algorithm = "HS256"', '"algorithm" must be "RS256" or "ES256"'),
        ("key_days = -1", '"key_days" must be 0 or more'),
    ],
)
def test_a_wrong_setting_of_the_issuer_is_named(tmp_path, line, sentence):
    file = tmp_path / "kairan.toml"
    file.write_text(
        '[tls]\ncertificate = "c"\nkey = "k"\n'
        f'[[delivery.routes]]\npattern = "*"\nto = "maildir:m"\n[issuer]\n{line}\n'
    )
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert sentence in str(raised.value)


def test_an_issuer_that_others_reach_needs_a_certificate(tmp_path):
    file = tmp_path / "kairan.toml"
    file.write_text(
        '[[listener]]\nhost = "127.0.0.1"\nport = 0\ntls = "off"\n'
        '[[delivery.routes]]\npattern = "*"\nto = "maildir:m"\n'
        '[issuer]\nenabled = true\nhost = "0.0.0.0"\n'
    )
    with pytest.raises(ConfigError, match=r"needs the certificate and key of \[tls\]"):
        load(file)
