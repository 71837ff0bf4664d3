"""POST /v1/messages with an access token (HVE OAuth) in the place of a password."""

import time

import httpx
import pytest

from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kit.api import Api, made_keys
from kit.live import PAYROLL, PRINTER, USER, running_service, wait_for
from kit.ports import free_port
from kit.token_issuer import TestIssuer


@pytest.fixture(scope="module")
def foreign():
    with TestIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def site(tmp_path_factory, foreign):
    """A service that believes its own issuer and a foreign one, and the key of its administrator."""
    own, port = IssuerServiceSettings(port=free_port()), free_port()
    settings = (
        f"\n[api]\nenabled = true\nport = {port}\n[issuer]\nenabled = true\nport = {own.port}\n"
        f'[[auth.issuers]]\nissuer = "{places_of(own).issuer}"\ntenant = "{own.tenant}"\n'
        f"{foreign.settings()}"
    )
    place = tmp_path_factory.mktemp("tokens")
    with running_service(place, settings=settings, workers=1) as service:
        yield Api(service, port), made_keys(service)["admin"], own


@pytest.fixture(scope="module")
def api(site):
    return site[0]


@pytest.fixture(scope="module")
def app_token(site):
    """Of an application that the API has registered; it may send as PAYROLL."""
    api, key, own = site
    with api.operator(key) as admin:
        app = admin.post("/v1/apps", json={"name": "erp", "accounts": [PAYROLL]}).json()
    api.service.wait_directory()
    answer = httpx.post(
        places_of(own).token,
        data={
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": f"{own.audience}/.default",
        },
        trust_env=False,
    )
    return answer.raise_for_status().json()["access_token"]


def post(api, token, sender, marker, account="", **headers):
    headers |= {"Authorization": f"Bearer {token}"}
    if account:
        headers["Kairan-Account"] = account
    document = {"from": sender, "to": [USER], "subject": marker, "text": "x"}
    return httpx.post(f"{api.url}/v1/messages", json=document, headers=headers, timeout=30)


def test_an_application_sends_as_the_account_that_allows_it(api, app_token):
    answer = post(api, app_token, PAYROLL, "token-8401", PAYROLL)
    assert answer.status_code == 202, answer.text
    api.service.wait_message(b"token-8401")

    def asked():
        answered = httpx.get(
            f"{api.url}/v1/messages/{answer.json()['id']}",
            headers={"Authorization": f"Bearer {app_token}", "Kairan-Account": PAYROLL},
        )
        return answered.status_code == 200

    wait_for(asked, "the message by its id")


def test_it_does_not_send_as_another(api, app_token):
    refused = post(api, app_token, PRINTER, "token-8402", PRINTER)
    assert refused.status_code == 401, refused.text
    assert refused.json()["remedies"]
    other = post(api, app_token, PRINTER, "token-8403", PAYROLL)
    assert other.status_code == 403
    assert other.json()["key"] == "sender-not-yours"


def test_the_token_of_an_application_names_no_account(api, app_token):
    answer = post(api, app_token, PAYROLL, "token-8404")
    assert answer.status_code == 401
    assert answer.json()["key"] == "api-unauthorized"


def test_somebody_who_signed_in_sends_as_himself(api, foreign):
    token = foreign.token(upn=PRINTER)
    assert post(api, token, PRINTER, "token-8405").status_code == 202
    api.service.wait_message(b"token-8405")
    assert post(api, token, PAYROLL, "token-8406", PAYROLL).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 3_600},
        {"nbf": int(time.time()) + 3_600},
        {"aud": "https://graph.microsoft.com"},
        {"iss": "https://evil.example"},
        {"scp": "Mail.Read"},
        {"tid": "00000000-0000-4000-8000-000000000000"},
    ],
    ids=["expired", "not-yet", "audience", "issuer", "permission", "tenant"],
)
def test_a_token_that_smtp_would_refuse_is_refused(api, foreign, changes):
    answer = post(api, foreign.token(upn=PRINTER, **changes), PRINTER, "token-8407")
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_retry_with_another_token_of_the_same_account_sends_once(api, foreign):
    headers = {"Idempotency-Key": "token-8408"}
    first = post(api, foreign.token(upn=PRINTER), PRINTER, "token-8408", **headers)
    again = post(api, foreign.token(upn=PRINTER, jti="2"), PRINTER, "token-8408", **headers)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()


def test_no_log_line_holds_a_token(api, app_token, foreign):
    token = foreign.token(upn=PRINTER)
    post(api, token, PRINTER, "token-8409")
    api.service.wait_message(b"token-8409")
    said = "".join(api.service.log)
    for one in (token, app_token):
        assert one not in said
        assert one.rpartition(".")[2] not in said
