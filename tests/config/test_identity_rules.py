"""[[identity]]: who we are at a service that wants tokens."""

import pytest

from kairan.config.errors import ConfigError
from kairan.config.read import load
from kairan.relay.tokens.settings import IdentityKind

BASE = """
[[listener]]
host = "127.0.0.1"
port = 2525
tls = "off"

[[delivery.routes]]
pattern = "*"
to = "maildir:mail"
"""
IDENTITY = """
[[identity]]
name = "hve"
user = "app@example.com"
tenant = "example.com"
client_id = "1111"
client_secret_file = "secret"
"""


def loaded(tmp_path, text):
    path = tmp_path / "kairan.toml"
    path.write_text(BASE + text)
    return load(path)


def test_an_identity_is_read_and_its_files_lie_beside_the_configuration(tmp_path):
    (identity,) = loaded(tmp_path, IDENTITY).identities
    assert identity.kind is IdentityKind.CLIENT_CREDENTIALS
    assert identity.client_secret_file == tmp_path / "secret"
    assert identity.renew_seconds == 1_200.0


def test_without_one_there_is_none(tmp_path):
    assert loaded(tmp_path, "").identities == ()


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ('name = "hve"', 'name = "../x"', '"name" must be'),
        ('user = "app@example.com"', 'user = "app"', '"user" must be'),
        ('client_secret_file = "secret"', "", '"client_secret_file" must be'),
        ('tenant = "example.com"', 'kind = "oidc"', '"issuer" must be'),
        ('tenant = "example.com"', 'kind = "sorcery"', '"kind" must be'),
        ('client_id = "1111"', 'client_id = "1111"\nrenew_seconds = 5', '"renew_seconds" must be'),
        ('client_id = "1111"', 'client_idd = "1111"', "client_id"),
    ],
)
def test_what_cannot_work_is_said_with_its_line(tmp_path, changed, to, said):
    with pytest.raises(ConfigError, match=said) as raised:
        loaded(tmp_path, IDENTITY.replace(changed, to))
    assert "kairan.toml:" in str(raised.value)


def test_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two"):
        loaded(tmp_path, IDENTITY + IDENTITY.replace('"hve"', '"HVE"'))
