"""sasl-xoauth2's configuration and token files as an [[identity]], without the secrets in them."""

import json
import tomllib

import pytest

from kairan.config.imports.draft import ImportFaultError
from kairan.config.imports.sasl_xoauth2 import import_sasl_xoauth2, read_sasl_xoauth2
from kairan.config.read import load

ENTRA = {
    "client_id": "5f3c2a11-0000-4000-8000-000000000001",
    "client_secret": "geheim",
    "token_endpoint": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
}


def drafted(settings, **options):
    named = {"name": "hve", "user": "hve@example.com", "secret_file": "hve.secret", **options}
    draft = import_sasl_xoauth2(settings, **named)
    assert "geheim" not in repr(draft)
    return draft, tomllib.loads(draft.toml)["identity"][0]


def test_client_credentials_of_entra_are_an_identity_that_loads(tmp_path):
    draft, identity = drafted({**ENTRA, "use_client_credentials": "yes", "refresh_window": 900})
    assert identity == {
        "name": "hve",
        "user": "hve@example.com",
        "kind": "client-credentials",
        "tenant": "contoso.onmicrosoft.com",
        "client_id": ENTRA["client_id"],
        "client_secret_file": "hve.secret",
        "renew_seconds": 900,
    }
    assert draft.missing == ()
    (tmp_path / "hve.secret").write_text("geheim\n")
    routes = '[[delivery.routes]]\npattern = "*"\nto = "maildir:mail"\n[[listener]]\nhost = "127.0.0.1"\ntls = "off"\n'
    (tmp_path / "kairan.toml").write_text(draft.toml + routes)
    assert load(tmp_path / "kairan.toml").identities[0].name == "hve"


def test_a_persons_refresh_token_becomes_a_sign_in_by_code():
    tokens = {"access_token": "geheim", "refresh_token": "geheim", "expiry": "1"}
    draft, identity = drafted({**ENTRA, **tokens, "refresh_window": 10})
    assert identity["kind"] == "device-code"
    assert "client_secret_file" not in identity
    assert draft.to_do == ("kairan token get hve",)
    assert {one.setting for one in draft.missing} == {
        "access_token",
        "refresh_token",
        "expiry",
        "client_secret",
        "refresh_window",
    }


def test_a_national_cloud_keeps_its_authority():
    endpoint = "https://login.microsoftonline.us/t/oauth2/v2.0/token"
    assert drafted({**ENTRA, "token_endpoint": endpoint})[1]["authority"] == (
        "https://login.microsoftonline.us"
    )


@pytest.mark.parametrize("endpoint", [{}, {"token_endpoint": "https://sso.example.com/token"}])
def test_another_issuer_must_be_named(endpoint):
    draft, identity = drafted({"client_id": "x", "client_secret": "geheim", **endpoint})
    assert identity["kind"] == "oidc"
    assert [one.setting for one in draft.missing] == ["token_endpoint"]


def test_what_it_does_otherwise_is_named_without_its_secret():
    settings = {
        **ENTRA,
        "proxy": "http://me:geheim@proxy",
        "manage_token_externally": True,
        "new": 1,
    }
    named = {one.setting for one in drafted(settings)[0].missing}
    assert named == {"proxy", "manage_token_externally", "new", "client_secret"}


@pytest.mark.parametrize("octets", [b"", b"[]", b"\xff", b"client_id = x", b"[" * 100_000])
def test_what_is_no_such_file_is_said_to_be_none(tmp_path, octets):
    file = tmp_path / "tokens"
    file.write_bytes(octets)
    with pytest.raises(ImportFaultError, match="is no JSON object"):
        read_sasl_xoauth2(file)


def test_without_an_account_there_is_no_identity(tmp_path):
    with pytest.raises(ImportFaultError, match="name it with --user"):
        import_sasl_xoauth2(json.loads(json.dumps(ENTRA)), name="x", user="tokens", secret_file="x")
