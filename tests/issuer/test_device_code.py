import re
from dataclasses import replace

import pytest

ACCOUNT = "printer@kairan.test"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


async def asked(issuer, source="192.0.2.1", **changes):
    form = {"client_id": "client-1", **changes}
    return await issuer.post(issuer.places.device_authorization, source=source, data=form)


async def poll(issuer, device_code, client_id="client-1"):
    form = {"grant_type": GRANT, "device_code": device_code, "client_id": client_id}
    return await issuer.post(issuer.places.token, data=form)


async def test_a_device_gets_a_token_as_soon_as_somebody_approves_it(issuer, clock):
    answer = (await asked(issuer)).json()
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", answer["user_code"])
    assert answer["expires_in"] == 900
    assert answer["interval"] == 5
    waiting = await poll(issuer, answer["device_code"])
    assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")

    now = int(clock.now)
    issuer.directory.device_logins.approve(answer["user_code"], ACCOUNT, now=now)
    clock.now += 5
    token = (await poll(issuer, answer["device_code"])).json()
    claims = await issuer.verified(token["access_token"])
    assert claims["upn"] == ACCOUNT
    assert claims["scp"] == "Mail.Send SMTP.SendAsApp" == token["scope"]
    assert claims["oid"] != "object-1"
    assert "roles" not in claims


async def test_a_code_is_good_for_one_token(issuer, clock):
    answer = (await asked(issuer)).json()
    now = int(clock.now)
    issuer.directory.device_logins.approve(answer["user_code"], ACCOUNT, now=now)
    assert (await poll(issuer, answer["device_code"])).status_code == 200
    clock.now += 5
    assert (await poll(issuer, answer["device_code"])).json()["error"] == "invalid_grant"


async def test_a_device_that_asks_too_often_is_told(issuer):
    code = (await asked(issuer)).json()["device_code"]
    await poll(issuer, code)
    assert (await poll(issuer, code)).json()["error"] == "slow_down"


async def test_a_code_expires(issuer, clock):
    code = (await asked(issuer)).json()["device_code"]
    clock.now += 900
    assert (await poll(issuer, code)).json()["error"] == "expired_token"


async def test_a_code_of_another_app_is_none(issuer):
    erp = issuer.directory.apps.find("erp")
    other = replace(erp, name="other", client_id="client-2", object_id="object-2", secrets=())
    issuer.directory.apps.add(other)
    code = (await asked(issuer)).json()["device_code"]
    assert (await poll(issuer, code, "client-2")).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [({"client_id": "x"}, "invalid_client", 401), ({"scope": "Mail.Read"}, "invalid_scope", 400)],
)
async def test_not_every_app_may_ask_for_everything(issuer, changes, error, status):
    response = await asked(issuer, **changes)
    assert (response.status_code, response.json()["error"]) == (status, error)


async def test_when_too_many_wait_at_one_address_others_are_not_told_to_come_later(issuer):
    for _ in range(100):
        assert (await asked(issuer, "2001:db8::1")).status_code == 200
    assert (await asked(issuer, "2001:db8::2")).status_code == 503, "one machine has its whole /64"
    assert (await asked(issuer, "192.0.2.9")).status_code == 200
    erp = issuer.directory.apps.find("erp")
    other = replace(erp, name="other", client_id="client-2", object_id="object-2", secrets=())
    issuer.directory.apps.add(other)
    assert (await asked(issuer, "2001:db8::1", client_id="client-2")).status_code == 200


async def test_when_too_many_wait_in_all_who_has_most_makes_room(issuer, monkeypatch):
    monkeypatch.setattr("kairan.directory.operations.device_logins.WAITING_ALL_MAX", 5)
    first = (await asked(issuer, "192.0.2.9")).json()["device_code"]
    codes = [(await asked(issuer, "198.51.100.1")).json()["device_code"] for _ in range(9)]
    assert (await poll(issuer, first)).json()["error"] == "authorization_pending"
    assert (await poll(issuer, codes[-1])).json()["error"] == "authorization_pending"
    assert (await poll(issuer, codes[0])).json()["error"] == "invalid_grant"


async def test_the_page_says_who_approves_and_takes_nothing(issuer):
    page = await issuer.get((await asked(issuer)).json()["verification_uri"])
    assert "kairan app approve" in page.text
    assert page.headers["content-type"].startswith("text/plain")


async def test_the_code_itself_is_not_stored(issuer, tmp_path):
    code = (await asked(issuer)).json()["device_code"]
    files = [path.read_bytes() for path in tmp_path.glob("directory.db*")]
    assert not any(code.encode() in content for content in files)
