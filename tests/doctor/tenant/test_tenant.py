"""An organisation's controls as the script reads them, in each state: which logins work, and why not."""

import copy
import json
import re

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.tenant.facts import TenantJsonError, facts_in
from kairan.doctor.tenant.judge import LoginAnswer, judge_tenant, verdict_of
from kairan.doctor.tenant.meanings import MEANINGS, ReasonKey
from kairan.doctor.tenant.script import FORMAT, SCRIPT, VERSION
from kairan.doctor.tenant.text import lines_of, record_of
from kairan.outcomes.catalogue import CATALOGUE

HVE = "hve@contoso.test"
SCAN = "scan@contoso.test"
APP = "11111111-2222-4000-8000-000000000001"
WORKS, BLOCKED, UNCLEAR = LoginAnswer.WORKS, LoginAnswer.BLOCKED, LoginAnswer.UNCLEAR
BLOCKS_LEGACY = {
    "name": "Block legacy",
    "state": "enabled",
    "clientAppTypes": ["exchangeActiveSync", "other"],
    "includeApplications": ["All"],
    "excludeApplications": [],
    "includeUsers": ["All"],
    "excludeUsers": [],
    "includeGroups": [],
    "excludeGroups": [],
    "hasRoles": False,
    "hasFurtherConditions": False,
    "grantControls": ["block"],
}
# An organisation in which everything that can work does.
GOOD = {
    "format": FORMAT,
    "version": VERSION,
    "collected": "2026-11-26T09:00:00Z",
    "errors": [],
    "transport": {"smtpClientAuthenticationDisabled": False},
    "organization": {
        "name": "Contoso",
        "defaultAuthenticationPolicy": "",
        "rejectDirectSend": False,
    },
    "domains": ["contoso.test"],
    "authenticationPolicies": [
        {"name": "HVE", "allowBasicAuthSmtp": True},
        {"name": "None", "allowBasicAuthSmtp": False},
    ],
    "billingPolicies": [{"name": "HVE billing"}],
    "hveAccounts": [
        {
            "address": HVE,
            "id": "u1",
            "authenticationPolicy": "",
            "allowedApps": [APP],
            "billingStatus": "BillingPolicyValid",
            "memberOf": ["g-all", "g-senders"],
        }
    ],
    "mailboxes": [],
    "securityDefaults": {"enabled": False},
    "conditionalAccess": [],
    "applications": [{"objectId": APP, "found": True, "name": "Payroll", "enabled": True}],
}
MAILBOX = {
    "address": SCAN,
    "id": "u2",
    "smtpClientAuthenticationDisabled": None,
    "authenticationPolicy": "",
    "memberOf": [],
}


def tenant(**changes):
    """GOOD with changes; `hve` and `mailbox` change the account."""
    record = copy.deepcopy(GOOD)
    record["hveAccounts"][0] |= changes.pop("hve", {})
    mailbox = changes.pop("mailbox", None)
    if mailbox is not None:
        record["mailboxes"] = [MAILBOX | mailbox]
    return record | changes


def access(**changes):
    return tenant(conditionalAccess=[BLOCKS_LEGACY | changes])


def judged(record):
    return judge_tenant(facts_in(json.dumps(record)))


def logins(record, address=HVE):
    (account,) = [one for one in judged(record).accounts if one.account.address == address]
    return [
        (login.answer, [reason.key.value for reason in login.reasons]) for login in account.logins
    ]


def test_where_nothing_blocks_both_logins_work():
    assert logins(tenant()) == [(WORKS, []), (WORKS, [])]
    assert verdict_of(judged(tenant())) is Verdict.HEALTHY


STATES = [
    # What stands before a password leaves a token alone.
    (tenant(securityDefaults={"enabled": True}), (BLOCKED, ["security-defaults"]), (WORKS, [])),
    (access(), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (access(grantControls=["mfa"]), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (access(clientAppTypes=["all"], grantControls=["mfa"]), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (access(includeApplications=["00000002-0000-0ff1-ce00-000000000000"]), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (access(includeUsers=[], includeGroups=["g-all"]), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (access(includeUsers=["u1"]), (BLOCKED, ["conditional-access"]), (WORKS, [])),
    (tenant(hve={"authenticationPolicy": "None"}), (BLOCKED, ["authentication-policy"]), (WORKS, [])),
    (tenant(organization={"defaultAuthenticationPolicy": "None"}), (BLOCKED, ["default-authentication-policy"]), (WORKS, [])),
    # What does not touch it.
    (access(state="disabled"), (WORKS, []), (WORKS, [])),
    (access(state="enabledForReportingButNotEnforced"), (WORKS, []), (WORKS, [])),
    (access(clientAppTypes=["browser", "mobileAppsAndDesktopClients"]), (WORKS, []), (WORKS, [])),
    (access(includeApplications=["797f4846-ba00-4fd7-ba43-dac1f8f63013"]), (WORKS, []), (WORKS, [])),
    (access(excludeApplications=["Office365"]), (WORKS, []), (WORKS, [])),
    (access(excludeUsers=["u1"]), (WORKS, []), (WORKS, [])),
    (access(excludeGroups=["g-senders"]), (WORKS, []), (WORKS, [])),
    (access(includeUsers=[], includeGroups=["g-others"]), (WORKS, []), (WORKS, [])),
    (access(grantControls=[]), (WORKS, []), (WORKS, [])),
    (tenant(hve={"authenticationPolicy": "HVE"}, organization={"defaultAuthenticationPolicy": "None"}), (WORKS, []), (WORKS, [])),
    (tenant(transport={"smtpClientAuthenticationDisabled": True}), (WORKS, []), (WORKS, [])),
    # What depends.
    (access(hasFurtherConditions=True), (UNCLEAR, ["conditional-access-sometimes"]), (WORKS, [])),
    (access(includeUsers=[], hasRoles=True), (UNCLEAR, ["conditional-access-for-some"]), (WORKS, [])),
    (tenant(hve={"authenticationPolicy": "Gone"}), (UNCLEAR, ["policy-unknown"]), (WORKS, [])),
    # The account's own.
    (tenant(hve={"billingStatus": "SubscriptionIsNotActive"}), (BLOCKED, ["billing"]), (BLOCKED, ["billing"])),
    (tenant(hve={"allowedApps": []}), (WORKS, []), (BLOCKED, ["no-allowed-app"])),
    (tenant(hve={"allowedApps": None}), (WORKS, []), (BLOCKED, ["no-allowed-app"])),
    (tenant(applications=[{"objectId": APP, "found": False}]), (WORKS, []), (BLOCKED, ["app-not-found"])),
    (tenant(applications=[{"objectId": APP, "found": True, "enabled": False}]), (WORKS, []), (BLOCKED, ["app-disabled"])),
    (tenant(hve={"allowedApps": [APP, "x"]}), (WORKS, []), (WORKS, ["app-not-found"])),
    (tenant(securityDefaults={"enabled": True}, hve={"allowedApps": []}), (BLOCKED, ["security-defaults"]), (BLOCKED, ["no-allowed-app"])),
    # What was not read.
    (tenant(errors=[{"part": "securityDefaults", "message": "403"}]), (UNCLEAR, ["not-read"]), (WORKS, [])),
    (tenant(errors=[{"part": "graph", "message": "no module"}]), (UNCLEAR, ["not-read", "not-read"]), (UNCLEAR, ["not-read"])),
    (tenant(errors=[{"part": "graph", "message": "no module"}], hve={"authenticationPolicy": "None"}), (BLOCKED, ["not-read", "not-read", "authentication-policy"]), (UNCLEAR, ["not-read"])),
    (tenant(errors=[{"part": "billing", "message": "x"}]), (UNCLEAR, ["not-read"]), (UNCLEAR, ["not-read"])),
    (tenant(errors=[{"part": "allowedApps", "message": "x"}]), (WORKS, []), (UNCLEAR, ["not-read"])),
    (tenant(errors=[{"part": "accountPolicies", "message": "x"}]), (UNCLEAR, ["not-read"]), (WORKS, [])),
    (access(includeUsers=[], includeGroups=["g-all"]) | {"errors": [{"part": "memberships", "message": "x"}]}, (UNCLEAR, ["conditional-access-for-some"]), (WORKS, [])),
]  # fmt: skip


@pytest.mark.parametrize(("record", "password", "token"), STATES)
def test_each_state_has_its_answer_for_password_and_token(record, password, token):
    assert logins(record) == [password, token]


@pytest.mark.parametrize(
    ("record", "password"),
    [
        (tenant(mailbox={}), (WORKS, [])),
        (tenant(mailbox={}, transport={"smtpClientAuthenticationDisabled": True}), (BLOCKED, ["tenant-switch"])),
        (tenant(mailbox={"smtpClientAuthenticationDisabled": False}, transport={"smtpClientAuthenticationDisabled": True}), (WORKS, [])),
        (tenant(mailbox={"smtpClientAuthenticationDisabled": True}), (BLOCKED, ["mailbox-switch"])),
        (tenant(mailbox={}, errors=[{"part": "transport", "message": "x"}]), (UNCLEAR, ["not-read"])),
    ],
)  # fmt: skip
def test_a_mailbox_obeys_the_switches_of_client_submission(record, password):
    assert logins(record, SCAN)[0] == password


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (tenant(securityDefaults={"enabled": True}), Verdict.HEALTHY),  # tokens still work
        (tenant(securityDefaults={"enabled": True}, hve={"allowedApps": []}), Verdict.PROBLEM),
        (tenant(hveAccounts=None), Verdict.PROBLEM),
        (tenant(errors=[{"part": "exchange", "message": "sign-in refused"}]), Verdict.UNCLEAR),
        (tenant(errors=[{"part": "billing", "message": "x"}]), Verdict.UNCLEAR),
    ],
)
def test_the_exit_code_is_about_the_account_that_has_no_login(record, verdict):
    assert verdict_of(judged(record)) is verdict


def test_what_powershell_makes_of_lists_of_one_and_none_is_read():
    one = tenant()
    one["hveAccounts"] = one["hveAccounts"][0] | {"allowedApps": APP, "memberOf": "g-all"}
    one["applications"] = one["applications"][0]
    one["conditionalAccess"] = [None]
    one["mailboxes"] = None
    assert logins(one) == [(WORKS, []), (WORKS, [])]


def test_what_stands_ahead_is_noted():
    record = access(state="enabledForReportingButNotEnforced")
    record["organization"]["rejectDirectSend"] = True
    record["hveAccounts"][0]["allowedApps"] = [f"{n}" for n in range(10)]
    keys = {note.key for note in judged(record).notes}
    assert keys == {ReasonKey.REPORT_ONLY, ReasonKey.DIRECT_SEND_REJECTED, ReasonKey.APPS_FULL}
    assert [note.key for note in judged(tenant(hveAccounts=[])).notes] == [ReasonKey.NO_HVE_ACCOUNT]


KANA = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.mark.parametrize(("record", "password", "token"), STATES)
def test_each_state_is_told_in_both_languages(record, password, token):
    report = judged(record)
    keys = {*password[1], *token[1]}
    for language in Language:
        said = "\n".join(line.text for line in lines_of(report, language))
        assert all(f"  {key}: " in said for key in keys)
        assert bool(KANA.search(said)) is (language is Language.JA)
    record = record_of(report, Language.JA)
    assert {
        r["key"] for one in record["accounts"] for x in one["logins"] for r in x["reasons"]
    } == keys


def test_a_blocked_login_names_the_refusal_that_it_hears():
    report = judged(tenant(securityDefaults={"enabled": True}))
    said = "\n".join(line.text for line in lines_of(report, Language.EN))
    assert "[the login hears: 535 5.7.139 basic-auth-not-allowed]" in said


def test_every_reason_has_a_meaning_and_names_entries_that_exist():
    assert set(MEANINGS) == set(ReasonKey)
    assert {one.outcome for one in MEANINGS.values() if one.outcome} <= set(CATALOGUE)
    for one in MEANINGS.values():
        for text in (one.text, one.remedy):
            assert text.en.isascii()
            assert KANA.search(text.ja)
            assert sorted(re.findall("`[^`]+`", text.en)) == sorted(re.findall("`[^`]+`", text.ja))


@pytest.mark.parametrize(
    "text",
    ["", "nothing", "[]", "{}", '{"format": "other"}', json.dumps({"format": FORMAT, "version": 99}), "[" * 100_000],
)  # fmt: skip
def test_what_the_script_did_not_write_is_refused_with_what_to_do(text):
    with pytest.raises(TenantJsonError, match="--script"):
        facts_in(text)


# The script: it only reads.

SHAPING = {"ConvertTo-Json", "ForEach-Object", "Out-Null", "Select-Object", "Where-Object"}
OWN = {"Read-Part", "Read-Memberships"}


def test_every_cmdlet_of_the_script_reads_connects_or_shapes():
    code = "\n".join(line for line in SCRIPT.splitlines() if not line.startswith("#"))
    cmdlets = set(re.findall(r"\b[A-Z][A-Za-z]+-[A-Z][A-Za-z]+\b", code))
    others = cmdlets - SHAPING - OWN
    assert {
        "Get-TransportConfig",
        "Get-MailUser",
        "Get-CASMailbox",
        "Get-AuthenticationPolicy",
        "Get-HVEAccountSettings",
    } <= others
    assert all(
        one.startswith("Get-") or one in {"Connect-ExchangeOnline", "Connect-MgGraph"}
        for one in others
    )
    assert not re.search(r"ReadWrite|Invoke|\bIEX\b|Start-|Password|\.Write", code)


def test_every_cmdlet_that_asks_microsoft_stops_by_itself_where_it_may_not():
    """A module's cmdlet does not inherit $ErrorActionPreference of the script that calls it."""
    code = "\n".join(line for line in SCRIPT.splitlines() if not line.startswith("#"))
    asked = re.findall(r"\b(?:Get|Connect)-(?!Date\b)[A-Z]\w+[^|)\n]*", code)
    assert len(asked) > 15
    assert [one for one in asked if "-ErrorAction Stop" not in one] == []


def test_the_script_asks_for_rights_to_read_alone():
    scopes = re.findall(r"'(\w+\.\w+\.All)'", SCRIPT)
    assert scopes
    assert all(".Read." in scope for scope in scopes)


def test_the_script_is_balanced_and_writes_what_is_read():
    code = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", SCRIPT)
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    tail = SCRIPT[SCRIPT.index("@{ format") :]
    assert set(re.findall(r"^(?:@\{|  ) (\w+) = ", tail, re.MULTILINE)) == set(GOOD)
    assert SCRIPT.isascii()
    for name in (*MAILBOX, *GOOD["hveAccounts"][0], *BLOCKS_LEGACY):
        assert re.search(rf"\b{name} = ", SCRIPT), name
