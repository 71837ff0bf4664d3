"""What the doctor reads in a token, and that it names the code the service would answer."""

import asyncio
import base64
import json

import pytest

from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.directory.model import Account
from kairan.doctor.answer import Language, Verdict
from kairan.doctor.token.claims import ClaimVerdict
from kairan.doctor.token.input import InputKind, Wrapping, read_input
from kairan.doctor.token.judge import TokenContext, TokenUser, wait_report
from kairan.doctor.token.text import lines_of, record_of
from kairan.doctor.token.verify import verify_with, wait_verified
from kairan.mail.role import Role
from kit.token_issuer import (
    APP,
    HOUR,
    KEYS,
    OBJECT,
    OTHER_RSA_KEY,
    TENANT,
    app_only,
    delegated,
    signed,
)

NOW = 1_800_000_000.0
V1 = f"https://sts.windows.net/{TENANT}/"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
UNKNOWN_USER = TokenUser()
PRINTER = Account(1, "printer@kairan.test", "", allowed_apps=frozenset({OBJECT}))


def report_of(text, user=UNKNOWN_USER, **context):
    return asyncio.run(wait_report(read_input(text), TokenContext(now=NOW, user=user, **context)))


def answers(report):
    """Key by edition; empty where the token is let in."""
    return [answer.outcome.key if answer.outcome else "" for answer in report.answers]


def bad(report):
    return {row.claim for row in report.claims if row.verdict is ClaimVerdict.BAD}


def printed(report, language=Language.EN):
    return "\n".join(line.text for line in lines_of(report, language))


@pytest.mark.parametrize("issuer", [V1, V2])
@pytest.mark.parametrize("kind", [delegated, app_only])
def test_a_good_token_of_entra_is_let_in_by_both_editions(issuer, kind):
    report = report_of(signed(kind(issuer, NOW)))
    assert answers(report) == ["", ""]
    assert report.verdict is Verdict.HEALTHY
    assert not bad(report)


# Change of a good application's token -> the claim at fault, the answers of both editions.
FAULTS = [
    ({"aud": "https://graph.microsoft.com"}, "aud", ["oauth-unsuccessful"] * 2),
    ({"aud": None}, "aud", ["oauth-unsuccessful"] * 2),
    ({"tid": "another"}, "tid", ["oauth-unsuccessful"] * 2),
    ({"tid": None}, "tid", ["oauth-unsuccessful"] * 2),
    ({"exp": NOW - 1}, "exp", ["token-expired", "token-expired-2026"]),
    ({"exp": NOW + 512}, "exp", ["token-expires-soon", "token-expires-soon-2026"]),
    ({"exp": None}, "exp", ["oauth-unsuccessful"] * 2),
    ({"exp": "soon"}, "exp", ["oauth-unsuccessful"] * 2),
    ({"nbf": NOW + HOUR}, "nbf", ["oauth-unsuccessful"] * 2),
    ({"iat": NOW + HOUR}, "iat", ["oauth-unsuccessful"] * 2),
    ({"roles": ["Mail.Read"]}, "roles", ["token-permission", "token-permission-2026"]),
    ({"roles": None}, "roles", ["token-permission", "token-permission-2026"]),
    ({"oid": APP}, "oid", ["oauth-unsuccessful", "app-not-allowed"]),
]


@pytest.mark.parametrize(("change", "claim", "keys"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_is_found_in_its_claim_and_in_no_other(change, claim, keys):
    token = signed(app_only(V2, NOW, **change))
    report = report_of(token, TokenUser(PRINTER, is_known=True))
    assert bad(report) == {claim}
    assert answers(report) == keys
    assert report.verdict is Verdict.PROBLEM


@pytest.mark.parametrize(
    ("change", "claim", "key"),
    [
        ({"scp": "User.Read"}, "scp", "token-permission"),
        ({"upn": "somebody@kairan.test"}, "upn", "oauth-unsuccessful"),
    ],
)
def test_a_signed_in_persons_token_is_judged_by_scope_and_name(change, claim, key):
    report = report_of(signed(delegated(V1, NOW, **change)), TokenUser(PRINTER))
    assert bad(report) == {claim}
    assert answers(report)[0] == key


def test_several_faults_are_all_shown_though_the_service_names_but_one():
    token = signed(app_only(V2, NOW, aud="x", exp=NOW - 5, roles=[]))
    report = report_of(token)
    assert bad(report) == {"aud", "exp", "roles"}
    assert answers(report) == ["oauth-unsuccessful"] * 2


def test_a_client_id_on_the_list_of_allowed_apps_is_pointed_out():
    confused = Account(1, "printer@kairan.test", "", allowed_apps=frozenset({APP}))
    report = report_of(signed(app_only(V2, NOW)), TokenUser(confused, is_known=True))
    assert bad(report) == {"oid", "azp"}
    assert "where the object ID (oid) belongs" in printed(report)


def test_without_the_directory_the_list_is_not_guessed():
    report = report_of(signed(app_only(V2, NOW)), TokenUser(Account(0, "printer@kairan.test", "")))
    (row,) = [row for row in report.claims if row.claim == "oid"]
    assert row.verdict is ClaimVerdict.UNCLEAR
    assert answers(report) == ["", ""]


def test_send_as_app_is_enough_on_a_client_listener_only():
    token = signed(app_only(V2, NOW, roles=["SMTP.SendAsApp"]))
    assert answers(report_of(token, TokenUser(role=Role.CLIENT))) == ["", ""]
    assert answers(report_of(token)) == ["token-permission", "token-permission-2026"]


def test_an_issuer_that_is_not_configured_is_not_believed():
    report = report_of(signed(app_only(V2, NOW)), issuers=[IssuerSettings("https://own.test/x")])
    assert "iss" in bad(report)
    assert answers(report) == ["oauth-unsuccessful"] * 2


def test_any_issuer_can_be_configured():
    mine = IssuerSettings("https://own.test/x", audiences=("api://mail",))
    token = signed(app_only("https://own.test/x", NOW, aud="api://mail", tid=None))
    assert answers(report_of(token, issuers=[mine])) == ["", ""]


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_weak_algorithm_is_shown_and_refused(algorithm):
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    token = f"{head}.{signed(app_only(V2, NOW)).split('.')[1]}."
    report = report_of(token)
    assert report.header[0].verdict is ClaimVerdict.BAD
    assert answers(report) == ["oauth-unsuccessful"] * 2
    assert {row.claim for row in report.claims} >= {"aud", "exp"}


# Signatures.


async def by_keys(_issuer, claimed, token):
    return verify_with(KEYS, claimed, token)


def test_a_signature_is_verified_where_the_keys_are_at_hand():
    report = report_of(signed(app_only(V2, NOW)), verify=by_keys)
    assert report.signature.verdict is ClaimVerdict.GOOD


@pytest.mark.parametrize(
    "token",
    [
        signed(app_only(V2, NOW), key=OTHER_RSA_KEY),
        signed(app_only(V2, NOW), kid="gone"),
    ],
    ids=["another key", "a key that the issuer has not"],
)
def test_a_forged_signature_is_named_and_refused(token):
    report = report_of(token, verify=by_keys)
    assert report.signature.verdict is ClaimVerdict.BAD
    assert answers(report) == ["oauth-unsuccessful"] * 2


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (KEYS, ClaimVerdict.GOOD),
        (b"<html>", ClaimVerdict.UNCLEAR),
        (b'{"keys": []}', ClaimVerdict.UNCLEAR),
    ],
)
async def test_the_issuer_is_asked_for_its_keys_once(document, verdict):
    asked = []

    async def fetch(url):
        asked.append(url)
        return document

    async def verify(issuer, claimed, token):
        return await wait_verified(issuer, claimed, token, TokenSettings(), fetch)

    mine = IssuerSettings(V2, jwks_url="https://keys.test/jwks")
    context = TokenContext(now=NOW, issuers=[mine], verify=verify)
    report = await wait_report(read_input(signed(app_only(V2, NOW))), context)
    assert report.signature.verdict is verdict
    assert report.verdict is (Verdict.HEALTHY if verdict is ClaimVerdict.GOOD else Verdict.UNCLEAR)
    assert asked == ["https://keys.test/jwks"]


# What people paste.

TOKEN = signed(app_only(V2, NOW))
LINE = base64.b64encode(f"user=printer@kairan.test\1auth=Bearer {TOKEN}\1\1".encode()).decode()
BEARER_LINE = base64.b64encode(f"n,a=p@kairan.test,\1auth=Bearer {TOKEN}\1\1".encode()).decode()


@pytest.mark.parametrize(
    ("text", "wrapping"),
    [
        (TOKEN, Wrapping.NONE),
        (f'"{TOKEN}"\n', Wrapping.NONE),
        (f"{TOKEN[:80]}\n{TOKEN[80:]}\n", Wrapping.NONE),
        (f"Bearer {TOKEN}", Wrapping.BEARER),
        (f"Authorization: Bearer {TOKEN}", Wrapping.BEARER),
        (LINE, Wrapping.XOAUTH2),
        (f"AUTH XOAUTH2 {LINE}", Wrapping.XOAUTH2),
        (BEARER_LINE, Wrapping.OAUTHBEARER),
        (json.dumps({"token_type": "Bearer", "access_token": TOKEN}), Wrapping.ENDPOINT),
    ],
)
def test_a_token_is_found_whatever_is_wrapped_around_it(text, wrapping):
    given = read_input(text)
    assert (given.kind, given.wrapping, given.token) == (InputKind.JWT, wrapping, TOKEN)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (f"auth=Bearer {TOKEN}\1user=p@kairan.test\1\1", "xoauth2-format"),
        (f"user=p@kairan.test^Aauth=Bearer {TOKEN}^A^A", "xoauth2-format"),
        (f"user=\1auth=Bearer {TOKEN}\1\1", "xoauth2-user-missing"),
        (f"user=printer\1auth=Bearer {TOKEN}\1\1", "xoauth2-user-invalid"),
        (f"user=p@kairan.test\1auth={TOKEN}\1\1", "xoauth2-type-missing"),
        ("user=p@kairan.test\1auth=Bearer \1\1", "xoauth2-token-missing"),
    ],
)
def test_a_malformed_line_gets_the_code_that_the_server_would_answer(message, key):
    report = report_of(base64.b64encode(message.encode()).decode())
    assert report.given.kind is InputKind.MALFORMED
    assert answers(report) == [key, key]
    assert report.verdict is Verdict.PROBLEM


def test_a_line_with_a_url_safe_alphabet_is_not_base64():
    line = base64.urlsafe_b64encode(
        b"user=p@kairan.test\1auth=Bearer \xff\xfe\xfb\xef\1\1"
    ).decode()
    assert answers(report_of(f"AUTH XOAUTH2 {line}"))[0] == "xoauth2-not-base64"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0.AXYAopaque-refresh-token", InputKind.OPAQUE),
        ("a.b.c.d.e", InputKind.ENCRYPTED),
        ("", InputKind.EMPTY),
        ("{}", InputKind.EMPTY),
        ("{broken", InputKind.EMPTY),
    ],
)
def test_what_nobody_but_the_issuer_can_read_is_said_to_be_so(text, kind):
    report = report_of(text)
    assert report.given.kind is kind
    assert report.verdict is Verdict.UNCLEAR


def test_a_token_that_was_cut_is_a_problem():
    assert report_of("eyJhb.xx.yy").verdict is Verdict.PROBLEM


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"error": "invalid_client", "error_description": "AADSTS7000222: expired"}, "has expired"),
        ({"error": "invalid_client", "error_description": "AADSTS7000215: no"}, "secret is wrong"),
        ({"error": "invalid_scope"}, "https://outlook.office365.com/.default"),
        ({"error": "authorization_pending"}, "approved"),
        ({"error": "something_new"}, "gave no token"),
        ({"error": {"not": "a text"}}, "gave no token"),
    ],
)
def test_a_refusal_of_the_token_endpoint_is_explained(answer, said):
    report = report_of(json.dumps(answer))
    assert report.verdict is Verdict.PROBLEM
    assert said in printed(report)


# What must never be printed.


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", [TOKEN, LINE, f"Bearer {TOKEN}"], ids=["bare", "line", "header"])
def test_neither_the_token_nor_its_signature_is_ever_shown(text, language):
    report = report_of(text, verify=by_keys)
    shown = printed(report, language) + json.dumps(record_of(report, language)) + repr(report)
    assert TOKEN.rsplit(".", 1)[1][:16] not in shown
    assert TOKEN.split(".")[1][:32] not in shown


def test_a_claim_cannot_move_the_terminals_cursor():
    report = report_of(signed(app_only(V2, NOW, name="\x1b[2J\r\n" + "x" * 500)))
    assert "\x1b" not in printed(report)
    assert max(len(row.value) for row in report.claims) <= 121


# What to do follows what is wrong.


def told(report, language=Language.EN):
    return "\n".join(line.text for line in lines_of(report, language))


@pytest.mark.parametrize(
    ("change", "word", "never"),
    [
        ({"aud": "https://graph.microsoft.com"}, "outlook.office365.com/.default", "Add-HVEAppAccess"),
        ({"aud": "00000003-0000-0000-c000-000000000000"}, "outlook.office365.com/.default", "Add-HVEAppAccess"),
        ({"aud": "https://outlook.office365.us"}, "national cloud", "Add-HVEAppAccess"),
        ({"aud": "https://partner.outlook.cn/"}, "national cloud", "Add-HVEAppAccess"),
        ({"aud": "https://dod-graph.microsoft.us"}, "national cloud", "Add-HVEAppAccess"),
        ({"tid": "another"}, "of the tenant that has the account", "Add-HVEAppAccess"),
        ({"exp": NOW - 1}, "Get a new token", "Add-HVEAppAccess"),
        ({"nbf": NOW + HOUR}, "NTP", "Add-HVEAppAccess"),
        ({"roles": None}, "Mail.Send", "Add-HVEAppAccess"),
        ({"oid": APP}, "Add-HVEAppAccess", "outlook.office365.com/.default"),
    ],
)  # fmt: skip
def test_the_remedy_is_for_the_claim_that_failed(change, word, never):
    report = report_of(signed(app_only(V2, NOW, **change)), TokenUser(PRINTER, is_known=True))
    advice = told(report).partition("What to do")[2]
    assert word in advice
    assert never not in advice
    assert record_of(report, Language.JA)["remedies"]


def test_several_claims_that_failed_have_a_remedy_each_in_their_order():
    report = report_of(signed(app_only(V2, NOW, aud="x", exp=NOW - 5, roles=[])))
    assert [len(report.remedies), len(set(report.remedies))] == [3, 3]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": APP, "nonce": "1", "preferred_username": "printer@kairan.test"},
        {"aud": APP, "preferred_username": "printer@kairan.test"},
        {"aud": "my-app", "at_hash": "x"},
    ],
)
def test_an_id_token_is_called_one(claims):
    token = signed({"iss": V2, "tid": TENANT, "exp": NOW + HOUR, "sub": "s", **claims})
    assert "ID token" in told(report_of(token))
    assert "access_token" in told(report_of(token)).partition("What to do")[2]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("0.AXYAbcd-efgh", "refresh token or an authorisation code of Entra"),
        ("1.AUEAbcd-efgh", "refresh token or an authorisation code of Entra"),
        ("M.C555_BAY.0.U.-Cabc", "personal Microsoft account"),
        ("EwBYA8l6BAAUabcdefg", "access token of a personal Microsoft account"),
        ("abcdefghijkl", "opaque"),
    ],
)
def test_an_opaque_token_is_told_by_how_it_begins(text, word):
    report = report_of(text)
    assert word in told(report)
    assert report.verdict is Verdict.UNCLEAR
