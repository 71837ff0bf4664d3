"""kairan init --gateway: a configuration that loads, and a domain whose mailboxes are elsewhere."""

import pytest

from kairan.config.read import load
from kairan.directory.store import Directory
from kairan.relay.tokens.settings import IdentityKind


@pytest.fixture
def words(tmp_path):
    (tmp_path / "hve.secret").write_text("geheim\n")
    return (
        "init", tmp_path / "gateway", "--gateway", "--hostname", "gw.example.com",
        "--tenant", "contoso.onmicrosoft.com", "--client-id", "5f3c2a11",
        "--user", "hve@contoso.example", "--secret-file", tmp_path / "hve.secret",
        "--network", "10.1.0.0/16", "--network", "10.2.0.7",
    )  # fmt: skip


def test_what_is_named_is_a_working_gateway(shell, words, tmp_path):
    shell.done(*words)
    configuration = load(tmp_path / "gateway" / "kairan.toml")
    (identity,) = configuration.identities
    assert (identity.kind, identity.user) == (
        IdentityKind.CLIENT_CREDENTIALS,
        "hve@contoso.example",
    )
    assert identity.client_secret_file == tmp_path / "hve.secret"
    (route,) = configuration.delivery.routes
    assert (route.pattern, route.to) == ("contoso.example", "hve://?identity=hve&from=rewrite")
    programs, devices = configuration.listeners
    assert (programs.role, devices.role, devices.port) == ("hve", "device", 2525)
    printer = "printer@contoso.example"
    assert devices.devices == (("10.1.0.0/16", printer), ("10.2.0.7/32", printer))
    assert not configuration.issuer.enabled
    with Directory.open(configuration.directory_url) as directory:
        organisation = directory.organisation()
        assert organisation.relayed_domains == {"contoso.example"}
        assert directory.account(printer) is not None
        assert directory.postmaster_problem() == ""
    shell.done("check-config", "-c", tmp_path / "gateway" / "kairan.toml")


def test_all_that_is_missing_is_named_at_once(shell):
    said = shell.refused("init", "gateway", "--gateway", "--tenant", "contoso.example")
    assert said == "a gateway needs --user, --client-id, --secret-file or --certificate-file too"


@pytest.mark.parametrize("option", ["--tenant", "--client-id", "--user", "--secret-file"])
def test_what_is_missing_is_named_where_nobody_can_be_asked(shell, words, tmp_path, option):
    at = words.index(option)
    said = shell.refused(*words[:at], *words[at + 2 :])
    assert said.startswith(f"a gateway needs {option} ")
    assert not (tmp_path / "gateway").exists()


def test_a_domain_with_relay_accepts_whom_nobody_knows_here(shell):
    shell.done("domain", "add", "elsewhere.example", "--relay")
    with Directory.open(f"sqlite:///{shell.place}/data/directory.db") as directory:
        organisation = directory.organisation()
    assert organisation.relayed_domains == {"elsewhere.example"}
    assert "elsewhere.example" in organisation.accepted_domains
