"""What [oidc] must keep to, before anything is started."""

from dataclasses import replace

import pytest

from kairan.auth.oidc.settings import OidcSettings
from kairan.config.model import Configuration
from kairan.config.rules import broken_rules

GOOD = OidcSettings(
    issuer="https://login.example.com/tenant/v2.0",
    client_id="console",
    console_url="https://mail.example.com:8025",
)


def faults(tmp_path, oidc):
    configuration = Configuration("mail.example.com", tmp_path, "sqlite://", 1, oidc=oidc)
    return [where[1] for where, _ in broken_rules(configuration) if where[0] == "oidc"]


def test_without_an_issuer_nothing_is_asked(tmp_path):
    assert faults(tmp_path, OidcSettings()) == []
    assert faults(tmp_path, GOOD) == []
    assert faults(tmp_path, replace(GOOD, issuer="http://127.0.0.1:3000")) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("issuer", "http://login.example.com"),
        ("issuer", "login.example.com"),
        ("client_id", ""),
        ("console_url", ""),
        ("console_url", "http://mail.example.com"),
        ("console_url", "https://mail.example.com/console"),
        ("console_url", "https://mail.example.com?x"),
        ("scopes", ("profile",)),
        ("api_audience", "console"),
    ],
)
def test_what_could_not_work_or_would_not_be_safe_is_named(tmp_path, key, value):
    assert faults(tmp_path, replace(GOOD, **{key: value})) == [key]
