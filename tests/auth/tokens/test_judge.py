"""What a genuine token allows: claims in, an account or a code out."""

from dataclasses import replace

import pytest

from kairan.auth.tokens.judge import ClaimContext, JudgedIssuer, TokenLogin, judge_token
from kairan.auth.tokens.settings import IssuerSettings, Profile, TokenSettings
from kairan.directory.model import Account, RegisteredApp, Trust
from kairan.mail.role import Role
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.decision import Refuse
from kit.token_issuer import APP, AUDIENCE, OBJECT, TENANT, app_only, delegated

NOW = 1_764_000_000.0
ISSUER = IssuerSettings("https://issuer.test/v2.0", tenant=TENANT, account_claim="upn")
SETTINGS = TokenSettings()
ACCOUNT = Account(
    1,
    "printer@kairan.test",
    "",
    aliases=frozenset({"scan@kairan.test"}),
    allowed_apps=frozenset({OBJECT.upper(), APP}),
)
GENERIC, PERMISSION = outcomes.OAUTH_UNSUCCESSFUL, outcomes.TOKEN_PERMISSION
EXPIRED, SOON = outcomes.TOKEN_EXPIRED, outcomes.TOKEN_EXPIRES_SOON


def judge(make, changes, *, account=ACCOUNT, settings=SETTINGS, issuer=ISSUER, role=Role.HVE):
    claims = make(issuer.issuer, NOW, **changes)
    return judge_token(claims, ClaimContext(JudgedIssuer(issuer), settings, account, role, NOW))


def outcome(*arguments, **options):
    verdict = judge(*arguments, **options)
    return verdict.outcome if isinstance(verdict, Refuse) else None


@pytest.mark.parametrize("make", [delegated, app_only])
def test_a_good_token_logs_its_account_in_until_it_expires(make):
    assert judge(make, {}) == TokenLogin(ACCOUNT, NOW + 3_600, APP)


CASES = [
    # Audience.
    (delegated, {"aud": "https://outlook.office.com"}, None),
    (delegated, {"aud": "https://outlook.office365.com/"}, None),
    (delegated, {"aud": "https://outlook.office365.com/.default"}, None),
    (delegated, {"aud": ["https://elsewhere.test", AUDIENCE]}, None),
    (delegated, {"aud": "https://graph.microsoft.com"}, GENERIC),
    (delegated, {"aud": "https://outlook.office365.com.evil.test"}, GENERIC),
    (delegated, {"aud": []}, GENERIC),
    (delegated, {"aud": None}, GENERIC),
    (delegated, {"aud": {"0": AUDIENCE}}, GENERIC),
    # Tenant.
    (app_only, {"tid": TENANT[:-1] + "9"}, GENERIC),
    (app_only, {"tid": None}, GENERIC),
    # Time.
    (delegated, {"exp": NOW}, EXPIRED),
    (delegated, {"exp": NOW - 1}, EXPIRED),
    (delegated, {"exp": NOW + 1}, SOON),
    (delegated, {"exp": NOW + 600}, SOON),
    (delegated, {"exp": NOW + 601}, None),
    (delegated, {"exp": None}, GENERIC),
    (delegated, {"exp": "1"}, GENERIC),
    (delegated, {"exp": True}, GENERIC),
    (delegated, {"exp": float("nan")}, GENERIC),
    (delegated, {"exp": float("inf")}, GENERIC),
    (delegated, {"exp": 10**400}, GENERIC),
    (delegated, {"exp": -1}, GENERIC),
    (delegated, {"nbf": NOW + 300}, None),
    (delegated, {"nbf": NOW + 301}, GENERIC),
    (delegated, {"iat": NOW + 301}, GENERIC),
    (delegated, {"nbf": None, "iat": None}, None),
    (delegated, {"nbf": "soon"}, GENERIC),
    # Permission.
    (delegated, {"scp": "User.Read Mail.Send"}, None),
    (delegated, {"scp": None, "scope": "openid Mail.Send"}, None),
    (delegated, {"scp": "Mail.Send.Shared"}, PERMISSION),
    (delegated, {"scp": "mail.send"}, PERMISSION),
    (delegated, {"scp": "SMTP.Send"}, PERMISSION),
    (delegated, {"scp": None}, PERMISSION),
    (delegated, {"scp": "User.Read", "roles": ["Mail.Send"]}, PERMISSION),
    (app_only, {"roles": "Mail.Send"}, None),
    (app_only, {"roles": ["Mail.Read", "Mail.Send"]}, None),
    (app_only, {"roles": ["SMTP.SendAsApp"]}, PERMISSION),
    (app_only, {"roles": []}, PERMISSION),
    (app_only, {"roles": None}, PERMISSION),
    (app_only, {"roles": None, "scope": "Mail.Send"}, PERMISSION),
    (app_only, {"roles": [{"Mail.Send": True}]}, PERMISSION),
    # Whose it is.
    (delegated, {"upn": "Printer@Kairan.test"}, None),
    (delegated, {"upn": "scan@kairan.test"}, None),
    (delegated, {"upn": None, "preferred_username": "printer@kairan.test"}, GENERIC),
    (delegated, {"upn": None, "unique_name": "printer@kairan.test"}, GENERIC),
    (delegated, {"upn": None, "email": "printer@kairan.test"}, GENERIC),
    (delegated, {"upn": "payroll@kairan.test"}, GENERIC),
    (delegated, {"upn": None}, GENERIC),
    (delegated, {"upn": "printer@kairan.test\0"}, GENERIC),
    (delegated, {"upn": "\uff50rinter@kairan.test"}, GENERIC),
    (delegated, {"upn": "printer@ka\u0131ran.test"}, GENERIC),
    (delegated, {"upn": ["printer@kairan.test"]}, GENERIC),
    # Which application.
    (app_only, {"oid": OBJECT.upper()}, None),
    (app_only, {"oid": None, "sub": OBJECT}, None),
    (app_only, {"oid": "another"}, GENERIC),
    (app_only, {"oid": None}, GENERIC),
    (app_only, {"oid": "another", "sub": OBJECT}, GENERIC),
    (app_only, {"oid": [OBJECT]}, GENERIC),
    (app_only, {"preferred_username": "service-account-mailer"}, None),
    # A token that says itself which kind it is.
    (app_only, {"idtyp": "app", "upn": "printer@kairan.test"}, None),
    (app_only, {"idtyp": "user"}, PERMISSION),
    (delegated, {"idtyp": "app"}, PERMISSION),
]


@pytest.mark.parametrize(("make", "changes", "expected"), CASES)
def test_each_claim_is_judged(make, changes, expected):
    assert outcome(make, changes) is expected


CLIENT_LISTENER = [
    (app_only, {"roles": ["SMTP.SendAsApp"]}, None),
    (app_only, {"roles": ["SMTP.Send"]}, PERMISSION),
    (delegated, {"scp": "SMTP.Send"}, None),
    (delegated, {"scp": "SMTP.SendAsApp"}, PERMISSION),
    (delegated, {}, None),
]


@pytest.mark.parametrize(("make", "changes", "expected"), CLIENT_LISTENER)
def test_ordinary_submission_knows_other_permissions_too(make, changes, expected):
    assert outcome(make, changes, role=Role.CLIENT) is expected


PROFILE_2026 = [
    (delegated, {"exp": NOW}, outcomes.TOKEN_EXPIRED_2026),
    (delegated, {"exp": NOW + 60}, outcomes.TOKEN_EXPIRES_SOON_2026),
    (app_only, {"roles": []}, outcomes.TOKEN_PERMISSION_2026),
    (app_only, {"oid": "another"}, outcomes.APP_NOT_ALLOWED),
    (delegated, {"appid": "another"}, outcomes.APP_NOT_ALLOWED),
    (delegated, {"aud": "x"}, GENERIC),
]


@pytest.mark.parametrize(("make", "changes", "expected"), PROFILE_2026)
def test_the_edition_of_2026_has_other_codes(make, changes, expected):
    settings = TokenSettings(profile=Profile.HVE_2026)
    assert outcome(make, changes, settings=settings) is expected
    assert expected.profiles == ("hve-2026",) or expected is GENERIC


@pytest.mark.parametrize("make", [delegated, app_only])
@pytest.mark.parametrize("account", [None, replace(ACCOUNT, enabled=False)])
def test_an_account_that_is_unknown_or_disabled_is_no_different_from_any_refusal(make, account):
    assert outcome(make, {}, account=account) is GENERIC


def test_an_empty_list_allows_no_application_but_the_accounts_own_login():
    account = replace(ACCOUNT, allowed_apps=frozenset())
    assert outcome(app_only, {}, account=account) is GENERIC
    assert outcome(delegated, {}, account=account) is None


def test_without_a_tenant_set_the_claim_is_not_looked_at():
    issuer = replace(ISSUER, tenant="")
    assert outcome(delegated, {"tid": None}, issuer=issuer) is None


def test_what_is_told_of_a_refusal_names_the_application_and_no_odd_octets():
    assert judge(app_only, {"exp": NOW}).detail.split()[0] == f"app={APP}"
    assert judge(app_only, {"azp": "a b\r\nc", "oid": "x" * 101}).detail.startswith("app=- ")


# Which claim names the account.

ENTRA = [
    f"https://sts.windows.net/{TENANT}/",
    f"https://login.microsoftonline.com/{TENANT}/v2.0",
    f"https://login.microsoftonline.us/{TENANT}/v2.0",
    f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0",
    f"https://sts.chinacloudapi.cn/{TENANT}/",
]
OTHERS = [
    "https://issuer.test/v2.0",
    f"https://sts.windows.net.evil.test/{TENANT}/",
    f"http://sts.windows.net/{TENANT}/",
    f"https://login.microsoftonline.com@evil.test/{TENANT}/v2.0",
    f"https://login.microsoftonline.com/{TENANT}/v2.0/../evil",
]


@pytest.mark.parametrize("name", ENTRA)
def test_entra_owns_upn(name):
    assert outcome(delegated, {}, issuer=IssuerSettings(name)) is None
    other = {"upn": None, "preferred_username": "printer@kairan.test"}
    assert outcome(delegated, other, issuer=IssuerSettings(name)) is GENERIC


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("claim", ["upn", "preferred_username", "unique_name", "email", "sub"])
def test_no_other_issuer_owns_a_claim_until_it_is_said(name, claim):
    changes = {"upn": None, claim: "printer@kairan.test"}
    assert outcome(delegated, changes, issuer=IssuerSettings(name)) is GENERIC
    assert outcome(app_only, {}, issuer=IssuerSettings(name)) is None


def test_the_claim_that_was_set_and_no_other_names_the_account():
    issuer = replace(ISSUER, account_claim="preferred_username")
    right = {"upn": "payroll@kairan.test", "preferred_username": "Printer@kairan.test"}
    assert outcome(delegated, right, issuer=issuer) is None
    assert outcome(delegated, {}, issuer=issuer) is GENERIC


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_email_address_that_is_not_verified_names_nobody(verified):
    issuer = replace(ISSUER, account_claim="email")
    changes = {"email": "printer@kairan.test"}
    assert outcome(delegated, changes | {"email_verified": True}, issuer=issuer) is None
    assert outcome(delegated, changes | {"email_verified": verified}, issuer=issuer) is GENERIC


# Which client may use the account.


@pytest.mark.parametrize("claim", ["appid", "azp", "client_id"])
def test_an_accounts_list_binds_a_person_s_client_too(claim):
    named = {"appid": None, claim: "Another"}
    assert outcome(delegated, named) is GENERIC
    listed = replace(ACCOUNT, allowed_apps=frozenset({"another"}))
    assert outcome(delegated, named, account=listed) is None
    unlisted = replace(ACCOUNT, allowed_apps=frozenset())
    assert outcome(delegated, named, account=unlisted) is None
    assert outcome(delegated, {"appid": None}) is GENERIC, "one that names no client"


@pytest.mark.parametrize("make", [delegated, app_only])
def test_an_issuers_clients_bind_both_kinds(make):
    assert outcome(make, {}, issuer=replace(ISSUER, clients=("another", APP.upper()))) is None
    assert outcome(make, {}, issuer=replace(ISSUER, clients=("another",))) is GENERIC


OURS = Trust(apps={APP: RegisteredApp(OBJECT), "off": RegisteredApp("off-object", enabled=False)})


def ours(make, account=ACCOUNT, **changes):
    claims = make(ISSUER.issuer, NOW, **changes)
    context = ClaimContext(
        JudgedIssuer(ISSUER, OURS, is_own=True), SETTINGS, account, Role.HVE, NOW
    )
    return isinstance(judge_token(claims, context), TokenLogin)


@pytest.mark.parametrize("make", [delegated, app_only])
def test_of_our_own_issuer_only_registered_apps_count(make):
    client = "azp" if make is app_only else "appid"
    account = replace(ACCOUNT, allowed_apps=frozenset({OBJECT, "off", "off-object", "gone"}))
    assert ours(make, account), "registered: its object id stands for its client id"
    assert not ours(make, account, **{client: "off"})
    assert not ours(make, account, **{client: "gone"})
    assert not ours(make, account, **{client: None})


def test_of_our_own_issuer_an_app_does_not_use_anothers_object_id():
    account = replace(ACCOUNT, allowed_apps=frozenset({"off-object"}))
    assert not ours(app_only, account, oid="off-object")
