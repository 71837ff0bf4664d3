from dataclasses import replace

import pytest

from kairan.auth.policies import LoginControl, basic_findings, judge_basic, judge_modern
from kairan.directory.model import Account, Organisation
from kairan.mail.role import Role
from kairan.outcomes.catalogue import (
    BASIC_AUTH_DISABLED,
    BASIC_AUTH_NOT_ALLOWED,
    SECURITY_DEFAULTS_BLOCK,
    SMTP_AUTH_DISABLED_MAILBOX,
    SMTP_AUTH_DISABLED_TENANT,
)
from kairan.outcomes.decision import Accept, Refuse

PRINTER = Account(1, "printer@kairan.test", "")
OPEN = Organisation(policies={"Allow": True, "Block": False})
ROLES = tuple(Role)

# What is set of the account, of the organisation; the answer at listeners of hve (as device), of client.
TABLE = [
    ({}, {}, None, None),
    ({}, {"security_defaults": True}, BASIC_AUTH_NOT_ALLOWED, SECURITY_DEFAULTS_BLOCK),
    ({}, {"default_policy": "Allow"}, None, None),
    ({}, {"default_policy": "Block"}, BASIC_AUTH_NOT_ALLOWED, BASIC_AUTH_DISABLED),
    ({"policy": "Block"}, {}, BASIC_AUTH_NOT_ALLOWED, BASIC_AUTH_DISABLED),
    ({"policy": "Gone"}, {}, BASIC_AUTH_NOT_ALLOWED, BASIC_AUTH_DISABLED),
    # The account's own beats the default, either way.
    ({"policy": "Allow"}, {"default_policy": "Block"}, None, None),
    (
        {"policy": "Block"},
        {"default_policy": "Allow"},
        BASIC_AUTH_NOT_ALLOWED,
        BASIC_AUTH_DISABLED,
    ),
    # Security defaults know no exception.
    (
        {"policy": "Allow"},
        {"security_defaults": True},
        BASIC_AUTH_NOT_ALLOWED,
        SECURITY_DEFAULTS_BLOCK,
    ),
    (
        {"policy": "Block"},
        {"security_defaults": True},
        BASIC_AUTH_NOT_ALLOWED,
        SECURITY_DEFAULTS_BLOCK,
    ),
    # The switch binds listeners of the role client, and there it comes last.
    ({}, {"smtp_client_authentication_disabled": True}, None, SMTP_AUTH_DISABLED_TENANT),
    ({"smtp_client_authentication_disabled": True}, {}, None, SMTP_AUTH_DISABLED_MAILBOX),
    (
        {"smtp_client_authentication_disabled": False},
        {"smtp_client_authentication_disabled": True},
        None,
        None,
    ),
    (
        {"smtp_client_authentication_disabled": True, "policy": "Block"},
        {"smtp_client_authentication_disabled": True},
        BASIC_AUTH_NOT_ALLOWED,
        BASIC_AUTH_DISABLED,
    ),
]


def answer(outcome):
    return Accept() if outcome is None else outcome


def judged(verdict):
    return verdict.outcome if isinstance(verdict, Refuse) else verdict


@pytest.mark.parametrize(("account", "organisation", "hve", "client"), TABLE)
def test_the_first_control_that_blocks_answers(account, organisation, hve, client):
    who, whose = replace(PRINTER, **account), replace(OPEN, **organisation)
    for role, expected in {Role.HVE: hve, Role.DEVICE: hve, Role.CLIENT: client}.items():
        assert judged(judge_basic(who, whose, role=role)) == answer(expected), role


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("_account", "organisation", "_hve", "_client"), TABLE)
def test_a_name_that_nobody_has_is_judged_as_an_account_without_own_settings(
    _account, organisation, _hve, _client, role
):
    whose = replace(OPEN, **organisation)
    assert judge_basic(None, whose, role=role) == judge_basic(PRINTER, whose, role=role)


@pytest.mark.parametrize("role", ROLES)
def test_passwords_controls_do_not_bind_tokens(role):
    whose = replace(OPEN, security_defaults=True, default_policy="Block")
    assert judge_modern(PRINTER, whose, role=role) == Accept()


def test_the_client_switch_closes_login_itself_so_tokens_too():
    whose = replace(OPEN, smtp_client_authentication_disabled=True)
    assert judged(judge_modern(PRINTER, whose, role=Role.CLIENT)) == SMTP_AUTH_DISABLED_TENANT
    assert judge_modern(PRINTER, whose, role=Role.HVE) == Accept()


def test_an_explanation_names_every_control_in_the_order_asked():
    findings = list(basic_findings(PRINTER, OPEN, role=Role.CLIENT))
    assert [finding.control for finding in findings] == list(LoginControl)
    assert all(
        finding.why.en and finding.why.ja and finding.outcome is None for finding in findings
    )
    assert len(list(basic_findings(PRINTER, OPEN, role=Role.HVE))) == len(LoginControl) - 1
