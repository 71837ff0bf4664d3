"""kairan policy: the controls before a password, set and explained."""

import pytest

PRINTER = "printer@example.com"
NOT_ALLOWED = (
    "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this"
    " authentication request."
)


@pytest.fixture
def desk(shell):
    shell.done("account", "add", PRINTER, "--generate")
    shell.done("policy", "add", "Block")
    shell.done("policy", "add", "Allow", "--allow-basic-auth-smtp", "on")
    return shell


def verdicts(shell, **wanted):
    """Those whose items are as wanted."""
    explained = shell.done("policy", "explain", PRINTER, "--json").json
    assert explained["account"] == PRINTER
    return [
        verdict
        for verdict in explained["verdicts"]
        if all(verdict[name] == value for name, value in wanted.items())
    ]


def test_at_first_everything_is_allowed(desk):
    assert len(verdicts(desk, allowed=True)) == 3 * 4  # roles and mechanisms
    assert desk.done("policy", "show", "--json").json == {
        "security_defaults": False,
        "smtp_client_authentication_disabled": False,
        "smtp_client_authentication_disabled_by_account": {},
        "default_policy": "",
    }


def test_security_defaults_block_passwords_everywhere_and_tokens_nowhere(desk):
    desk.done("policy", "set", "security-defaults", "on")
    (hve,) = verdicts(desk, role="hve", mechanism="LOGIN")
    assert (hve["allowed"], hve["control"], hve["reply"]) == (
        False,
        "security-defaults",
        NOT_ALLOWED,
    )
    assert all(v["mechanism"] in {"LOGIN", "PLAIN"} for v in verdicts(desk, allowed=False))
    assert len(verdicts(desk, allowed=False)) == 3 * 2
    desk.done("policy", "set", "security-defaults", "off")
    assert not verdicts(desk, allowed=False)


def test_the_client_switch_binds_the_client_role_and_an_account_may_differ(desk):
    desk.done("policy", "set", "smtp-client-authentication-disabled", "on")
    assert {verdict["role"] for verdict in verdicts(desk, allowed=False)} == {"client"}
    own = ("policy", "set", "smtp-client-authentication-disabled", "off", "--account", PRINTER)
    shown = desk.done(*own, "--json").json
    assert shown["smtp_client_authentication_disabled_by_account"] == {PRINTER: "off"}
    assert not verdicts(desk, allowed=False)
    desk.done(
        "policy", "set", "smtp-client-authentication-disabled", "inherit", "--account", PRINTER
    )
    assert verdicts(desk, allowed=False)


def test_an_accounts_policy_beats_the_default(desk):
    desk.done("policy", "default", "Block")
    (blocked,) = verdicts(desk, role="hve", mechanism="PLAIN")
    assert "the organisation's default policy Block" in blocked["why"]
    desk.done("policy", "assign", "Allow", PRINTER)
    assert not verdicts(desk, allowed=False)
    assert desk.done("policy", "show", "Allow", "--json").json == {
        "name": "Allow",
        "allow_basic_auth_smtp": True,
        "is_default": False,
        "accounts": [PRINTER],
    }
    desk.done("policy", "change", "Allow", "--allow-basic-auth-smtp", "off")
    assert verdicts(desk, control="authentication-policy")


def test_an_explanation_lists_every_control_that_was_asked(desk):
    (verdict,) = verdicts(desk, role="client", mechanism="LOGIN")
    assert [control["control"] for control in verdict["controls"]] == [
        "security-defaults",
        "authentication-policy",
        "smtp-client-authentication-disabled",
    ]


def test_an_account_that_is_off_is_explained_too(desk):
    desk.done("account", "set", PRINTER, "--disabled")
    assert {verdict["why"] for verdict in verdicts(desk)} == {"the account is disabled"}


def test_people_read_a_table(desk):
    desk.done("policy", "set", "security-defaults", "on")
    assert "security defaults are on" in desk.done("policy", "explain", PRINTER).out
    assert "Block" in desk.done("policy", "list").out


def test_a_policy_is_removed(desk):
    desk.done("policy", "remove", "Block")
    assert [one["name"] for one in desk.done("policy", "list", "--json").json] == ["Allow"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "security-defaults", "inherit"), '"inherit" is for one account'),
        (("set", "security-defaults", "on", "--account", PRINTER), "whole organisation's"),
        (("set", "security-default", "on"), "policy set --help"),
        (("add", "Block"), "there is a policy Block already"),
        (("assign", "Other", PRINTER), "there is no policy Other"),
        (("show", "Other"), "there is no policy Other"),
        (("explain", "x@example.com"), "there is no account x@example.com"),
    ],
)
def test_a_mistake_in_a_policy_is_one_sentence(desk, words, sentence):
    assert sentence in desk.refused("policy", *words)
