import base64
from urllib.parse import quote_plus

import pytest

from kairan.auth.made_secrets import hash_secret
from kairan.issuer.web.application import FORM_OCTETS_MAX

SECRET = "kai~a secret with blanks: & % +"  # the app's, in conftest.py


def basic(client_id="client-1", secret=SECRET):
    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def error_of(response, status=400):
    assert response.status_code == status, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()["error"]


async def test_an_app_gets_a_token_shaped_as_entras(issuer, clock):
    response = await issuer.by_secret()
    answer = response.json()
    assert (response.status_code, answer["token_type"], answer["expires_in"]) == (
        200,
        "Bearer",
        3_600,
    )
    assert response.headers["cache-control"] == "no-store"
    claims = await issuer.verified(answer["access_token"])
    now = int(clock.now)
    assert {name: claims[name] for name in claims if name != "uti"} == {
        "aud": "https://outlook.office365.com",
        "iss": "http://127.0.0.1:8587/our-tenant/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3_600,
        "azp": "client-1",
        "azpacr": "1",
        "appid": "client-1",
        "app_displayname": "erp",
        "oid": "object-1",
        "sub": "object-1",
        "tid": "our-tenant",
        "ver": "2.0",
        "idtyp": "app",
        "roles": ["Mail.Send", "SMTP.SendAsApp"],
    }


async def test_id_and_secret_may_stand_in_the_header(issuer):
    form = {"grant_type": "client_credentials"}
    response = await issuer.post(issuer.places.token, data=form, headers=basic())
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        basic(secret="wrong"),
        basic(client_id="other"),
        basic(client_id="erp"),  # a name is no id
        {"Authorization": "Basic !"},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"Authorization": "Bearer token"},
    ],
)
async def test_a_wrong_header_is_one_answer_and_asks_for_another(issuer, headers):
    form = {"grant_type": "client_credentials"}
    response = await issuer.post(issuer.places.token, data=form, headers=headers)
    assert error_of(response, 401) == "invalid_client"
    assert response.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_secret": "x" * 300},
        {"client_id": "other"},
        {"client_id": ""},
    ],
)
async def test_a_wrong_secret_and_an_unknown_app_are_one_answer(issuer, changes):
    assert error_of(await issuer.by_secret(**changes), 401) == "invalid_client"


async def test_an_app_that_is_off_gets_nothing(issuer):
    issuer.directory.apps.change("erp", enabled=False)
    assert error_of(await issuer.by_secret(), 401) == "invalid_client"


async def test_guessing_is_slowed_down_and_the_right_secret_is_not(issuer, clock):
    for _ in range(4):
        await issuer.by_secret(client_secret="wrong")
    wrong = await issuer.by_secret(client_secret="wrong")
    assert error_of(wrong, 429) == "temporarily_unavailable"
    assert (await issuer.by_secret()).status_code == 200
    clock.now += 60
    assert error_of(await issuer.by_secret(client_secret="wrong"), 401) == "invalid_client"


async def test_naming_unknown_apps_does_not_throttle_a_device(issuer):
    for number in range(20):
        form = {"client_id": f"nobody-{number}"}
        refused = await issuer.post(issuer.places.device_authorization, data=form)
    assert error_of(refused, 429) == "temporarily_unavailable"
    form = {"client_id": "client-1"}
    assert (await issuer.post(issuer.places.device_authorization, data=form)).status_code == 200


async def test_an_old_secret_lives_until_its_time(issuer, clock):
    until = int(clock.now) + 100
    new = hash_secret("kai~new")
    issuer.directory.apps.replace_secret("erp", new, old_until=until, now=int(clock.now))
    assert (await issuer.by_secret()).status_code == 200
    assert (await issuer.by_secret(client_secret="kai~new")).status_code == 200
    clock.now += 101
    assert error_of(await issuer.by_secret(), 401) == "invalid_client"
    assert (await issuer.by_secret(client_secret="kai~new")).status_code == 200


@pytest.mark.parametrize(
    ("scope", "roles"),
    [
        ("", ["Mail.Send", "SMTP.SendAsApp"]),
        ("https://outlook.office365.com/.default", ["Mail.Send", "SMTP.SendAsApp"]),
        ("https://outlook.office365.com/Mail.Send", ["Mail.Send"]),
        ("Mail.Send openid offline_access", ["Mail.Send"]),
    ],
)
async def test_an_app_gets_what_it_asks_for_of_what_it_has(issuer, scope, roles):
    answer = (await issuer.by_secret(scope=scope)).json()
    assert (await issuer.verified(answer["access_token"]))["roles"] == roles


@pytest.mark.parametrize(
    "scope", ["Mail.Read", "https://graph.microsoft.com/.default", "Mail.Send Mail.Read"]
)
async def test_an_app_does_not_get_more_than_it_has(issuer, scope):
    assert error_of(await issuer.by_secret(scope=scope)) == "invalid_scope"


@pytest.mark.parametrize(
    ("content", "error", "status"),
    [
        (b"grant_type=password&username=a&password=b", "unsupported_grant_type", 400),
        (b"", "invalid_request", 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", "invalid_request", 400),
        (b"&".join(b"a%d=b" % n for n in range(50)), "invalid_request", 400),
        (b"grant_type=\xff", "invalid_request", 400),
        (b"a=" + b"b" * FORM_OCTETS_MAX, "invalid_request", 413),
    ],
)
async def test_a_form_that_is_none_is_refused(issuer, content, error, status):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await issuer.post(issuer.places.token, content=content, headers=headers)
    assert error_of(response, status) == error


async def test_json_is_no_form(issuer):
    response = await issuer.post(issuer.places.token, json={"grant_type": "client_credentials"})
    assert error_of(response) == "invalid_request"


async def test_one_way_to_say_who_you_are_is_enough(issuer):
    form = {"grant_type": "client_credentials", "client_secret": SECRET}
    response = await issuer.post(issuer.places.token, data=form, headers=basic())
    assert error_of(response) == "invalid_request"


async def test_tokens_go_on_being_verifiable_over_a_rotation(issuer, clock):
    before = (await issuer.by_secret()).json()["access_token"]
    clock.now += 100 * 86_400
    issuer.keys.renew(issuer.settings)
    clock.now += 600
    after = (await issuer.by_secret()).json()["access_token"]
    assert (await issuer.verified(before))["uti"] != (await issuer.verified(after))["uti"]


async def test_a_directory_that_is_away_is_said_to_be(issuer):
    from kairan.directory.errors import DirectoryUnavailableError

    def away(_client_id):
        raise DirectoryUnavailableError("gone")

    object.__setattr__(issuer.web._grants.clients, "find", away)
    assert error_of(await issuer.by_secret(), 503) == "server_error"


async def test_a_key_that_cannot_be_read_is_an_answer_too(issuer, tmp_path):
    (file,) = (tmp_path / "keys").iterdir()
    file.unlink()
    (file.with_name(f"999999999999-{file.name[13:]}")).mkdir()
    assert (await issuer.get(issuer.places.jwks)).status_code == 503
    assert error_of(await issuer.by_secret(), 503) == "server_error"


async def test_discovery_names_every_place(issuer):
    said = (await issuer.get(issuer.places.discovery)).json()
    assert said == (await issuer.get(issuer.places.discovery_rfc8414)).json()
    assert said["issuer"] == "http://127.0.0.1:8587/our-tenant/v2.0"
    assert (await issuer.get(said["jwks_uri"])).status_code == 200
    for endpoint in ("token_endpoint", "device_authorization_endpoint"):
        assert (await issuer.post(said[endpoint])).status_code == 400
        assert (await issuer.get(said[endpoint])).status_code == 405


async def test_a_refusal_names_the_address_of_its_explanation_where_there_is_one(made, issuer):
    helpful = made(help_url="https://docs.example.com/errors/#")
    answer = (await helpful.by_secret(client_secret="wrong")).json()
    assert answer["error_uri"] == "https://docs.example.com/errors/#issuer-invalid-client"
    answer = (await helpful.by_secret(scope="elsewhere/.default")).json()
    assert answer["error_uri"] == "https://docs.example.com/errors/#issuer-invalid-scope"
    assert (await issuer.by_secret(client_secret="wrong")).json().keys() == {
        "error",
        "error_description",
    }
