"""Accounts, apps, policies, mailboxes and groups by HTTP: as the commands do it, with their audit."""

import json

import pytest

from kit.live import PAYROLL, PRINTER, USER, open_directory, wait_for

DOMAIN = USER.partition("@")[2]
HASHES = ("argon2", "hmac-sha256", "password_hash")


@pytest.fixture
def admin(api, keys):
    with api.operator(keys["admin"]) as client:
        yield client


@pytest.fixture
def line_of(api):
    """The audit's line with these words."""
    audit = api.service.place / "data" / "audit" / "web.jsonl"

    def look(*words):
        lines = audit.read_text().splitlines() if audit.exists() else []
        return next((json.loads(x) for x in lines if all(word in x for word in words)), None)

    return lambda *words: wait_for(lambda: look(*words), f"the audit of {words}")


def test_an_account_is_added_with_a_password_that_is_shown_once_and_sends(api, admin, line_of):
    address = f"new-8301@{DOMAIN}"
    added = admin.post("/v1/accounts", json={"address": address, "display_name": "新しい"})
    assert added.status_code == 201, added.text
    password = added.json()["password"]
    assert password
    api.service.wait_directory()
    document = {"from": address, "to": [USER], "subject": "8301", "text": "x"}
    with api.client(address, password) as client:
        assert client.post("/v1/messages", json=document).status_code == 202
    shown = admin.get(f"/v1/accounts/{address}")
    assert shown.json()["display_name"] == "新しい"
    assert password not in shown.text
    line = line_of("account.add", address)
    assert line["key"] == "a-admin"
    assert password not in json.dumps(line)
    assert admin.delete(f"/v1/accounts/{address}").status_code == 204
    assert admin.get(f"/v1/accounts/{address}").status_code == 404
    assert admin.delete(f"/v1/accounts/{address}").status_code == 404


def test_of_an_account_only_what_is_named_changes(admin, line_of):
    address = f"changed-8302@{DOMAIN}"
    new = {"address": address, "display_name": "A", "messages_per_minute": 7}
    assert admin.post("/v1/accounts", json=new).status_code == 201
    changed = admin.patch(
        f"/v1/accounts/{address}",
        json={"enabled": False, "networks": ["10.1.0.0/16"], "password": "another long 8302"},
    ).json()
    assert changed["display_name"] == "A"
    assert changed["messages_per_minute"] == 7
    assert not changed["enabled"]
    assert changed["networks"] == ["10.1.0.0/16"]
    unset = admin.patch(f"/v1/accounts/{address}", json={"messages_per_minute": None}).json()
    assert unset["messages_per_minute"] is None
    line = line_of("account.set", address, "networks")
    assert line["after"]["password"] == "changed"
    assert "another long" not in json.dumps(line)
    admin.delete(f"/v1/accounts/{address}")


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("post", "/v1/accounts", {"address": "x@y.example", "password_hash": "$argon2id$x"}),
        ("post", "/v1/accounts", {"address": "x@y.example", "id": 1}),
        ("patch", f"/v1/accounts/{PRINTER}", {"held_since": 0}),
        ("patch", f"/v1/accounts/{PRINTER}", {"address": PAYROLL}),
        ("patch", f"/v1/accounts/{PRINTER}", {"credential_version": 9}),
        ("patch", f"/v1/accounts/{PRINTER}", {"enabled": None}),
        ("patch", f"/v1/accounts/{PRINTER}", {"policy": "none"}),
        ("patch", f"/v1/mailboxes/{USER}", {"source": "entra"}),
        ("patch", f"/v1/mailboxes/{USER}", {"when_created": 1}),
        ("post", "/v1/mailboxes", {"address": f"m@{DOMAIN}", "source_id": "1"}),
        ("post", "/v1/groups", {"address": f"g@{DOMAIN}", "is_dynamic": True}),
        ("post", "/v1/apps", {"name": "x", "client_id": "00000000-0000-4000-8000-000000000000"}),
        ("post", "/v1/apps", {"name": "x", "secrets": []}),
        ("patch", "/v1/apps/x", {"object_id": "1"}),
        ("post", "/v1/policies", {"name": "x", "accounts": [PRINTER]}),
        ("patch", "/v1/controls", {"name": "x"}),
        ("patch", "/v1/controls", {"security_defaults": None}),
        ("post", "/v1/doctor/device", {"server": "x", "password": "y"}),
    ],
)
def test_mass_assignment_is_refused(admin, method, path, document):
    answer = admin.request(method, path, json=document)
    assert answer.status_code == 422, answer.text
    assert answer.json()["key"] == "api-invalid"


@pytest.mark.parametrize("scope", ["read", "operate", None])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/v1/accounts"),
        ("patch", f"/v1/accounts/{PRINTER}"),
        ("delete", f"/v1/accounts/{PRINTER}"),
        ("post", "/v1/apps"),
        ("patch", "/v1/apps/x"),
        ("delete", "/v1/apps/x"),
        ("post", "/v1/apps/x/secret"),
        ("post", "/v1/policies"),
        ("patch", "/v1/policies/x"),
        ("delete", "/v1/policies/x"),
        ("put", f"/v1/policies/x/accounts/{PRINTER}"),
        ("patch", "/v1/controls"),
        ("patch", f"/v1/mailboxes/{USER}"),
        ("delete", f"/v1/mailboxes/{USER}"),
        ("post", "/v1/groups"),
        ("patch", f"/v1/groups/x@{DOMAIN}"),
        ("delete", f"/v1/groups/x@{DOMAIN}"),
    ],
)
def test_who_is_no_administrator_changes_nothing_and_learns_nothing(api, keys, scope, method, path):
    client = api.operator(keys[scope]) if scope else api.client()
    with client:
        assert client.request(method, path, json={}).status_code == (403 if scope else 401)


def test_passwords_that_must_not_be_are_refused(admin):
    answer = admin.patch(f"/v1/accounts/{PRINTER}", json={"password": "short"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("password:")


def test_an_app_is_registered_changed_and_removed(api, admin, line_of):
    made = admin.post("/v1/apps", json={"name": "erp-8303", "accounts": [PAYROLL]}).json()
    assert made["client_secret"].startswith("kai~")
    assert made["permissions"] == ["Mail.Send"]
    change = {"forbid": [PAYROLL], "allow": [PRINTER], "enabled": False}
    changed = admin.patch("/v1/apps/erp-8303", json=change).json()
    assert changed["accounts"] == [PRINTER]
    assert not changed["enabled"]
    again = admin.post("/v1/apps/erp-8303/secret", json={"keep_days": 1}).json()
    assert again["client_secret"] != made["client_secret"]
    assert again["old_secret_until"]
    listed = admin.get("/v1/apps").text + admin.get(f"/v1/apps/{made['client_id']}").text
    assert made["client_secret"] not in listed
    assert not any(word in listed for word in HASHES)
    line = line_of("app.add", "erp-8303")
    assert made["client_secret"] not in json.dumps(line)
    assert admin.delete("/v1/apps/erp-8303").status_code == 204
    assert admin.get("/v1/apps/erp-8303").status_code == 404


def test_a_policy_is_added_assigned_changed_and_removed(admin):
    assert admin.post("/v1/policies", json={"name": "P-8304"}).status_code == 201
    assert admin.post("/v1/policies", json={"name": "P-8304"}).status_code == 409
    changed = admin.patch("/v1/policies/P-8304", json={"allow_basic_auth_smtp": True}).json()
    assert changed["allow_basic_auth_smtp"]
    address = f"policy-8304@{DOMAIN}"
    admin.post("/v1/accounts", json={"address": address})
    assert admin.put(f"/v1/policies/P-8304/accounts/{address}").status_code == 204
    (one,) = [x for x in admin.get("/v1/policies").json() if x["name"] == "P-8304"]
    assert one["accounts"] == [address]
    assert admin.delete("/v1/policies/P-8304").status_code == 409
    assert admin.put(f"/v1/policies/none/accounts/{address}").status_code == 204
    assert admin.delete("/v1/policies/P-8304").status_code == 204
    admin.delete(f"/v1/accounts/{address}")
    controls = admin.get("/v1/controls").json()
    assert admin.patch("/v1/controls", json={}).json() == controls


def test_a_mailbox_is_changed(admin):
    address = f"box-8305@{DOMAIN}"
    new = {"address": address, "name": "A", "attributes": {"department": "Sales"}}
    assert admin.post("/v1/mailboxes", json=new).status_code == 201
    wanted = {"aliases": [f"alias-8305@{DOMAIN}"], "attributes": {"title": "Chief"}}
    changed = admin.patch(f"/v1/mailboxes/{address}", json=wanted).json()
    assert changed["attributes"] == {"department": "Sales", "title": "Chief"}
    assert admin.get(f"/v1/mailboxes/alias-8305@{DOMAIN}").json() == changed
    bad = admin.patch(f"/v1/mailboxes/{address}", json={"attributes": {"is_admin": "yes"}})
    assert bad.status_code == 409
    assert admin.delete(f"/v1/mailboxes/{address}").status_code == 204
    assert admin.delete(f"/v1/mailboxes/{address}").status_code == 404


def test_a_group_is_added_previewed_changed_and_removed(admin):
    inner, outer = f"inner-8306@{DOMAIN}", f"outer-8306@{DOMAIN}"
    assert admin.post("/v1/groups", json={"address": inner, "members": [USER]}).status_code == 201
    new = {"address": outer, "members": [inner, USER], "owners": [USER], "hidden": True}
    assert admin.post("/v1/groups", json=new).json()["hidden"]
    preview = admin.get(f"/v1/groups/{outer}/preview").json()
    assert preview == {"count": 1, "members": [USER], "dynamic": None}
    wanted = {"accept_from": [PAYROLL], "moderation_notifications": "internal"}
    changed = admin.patch(f"/v1/groups/{outer}", json=wanted).json()
    assert {name: changed[name] for name in wanted} == wanted
    assert changed["owners"] == [USER]
    assert admin.delete(f"/v1/groups/{outer}/members/{inner}").status_code == 204
    assert admin.get(f"/v1/groups/{outer}/members").json() == {"members": [USER]}
    for address in (outer, inner):
        assert admin.delete(f"/v1/groups/{address}").status_code == 204
        assert admin.get(f"/v1/groups/{address}/preview").status_code == 404


def test_what_the_api_changes_the_commands_see(api, admin):
    address = f"seen-8307@{DOMAIN}"
    admin.post("/v1/accounts", json={"address": address, "messages_per_minute": 3})
    with open_directory(api.service.place) as directory:
        assert directory.account(address).messages_per_minute == 3
        directory.set_account(address, messages_per_minute=4)
    assert admin.get(f"/v1/accounts/{address}").json()["messages_per_minute"] == 4
    admin.delete(f"/v1/accounts/{address}")


def test_the_doctor_judges_a_device_and_a_token_in_the_language_asked_for(api, keys):
    with api.operator(keys["read"]) as client:
        client.headers["Accept-Language"] = "ja"
        device = {"server": "smtp.office365.com", "port": "25", "tls": "off", "user": "p@a.example"}
        findings = client.post("/v1/doctor/device", json=device).json()["findings"]
        token = {"text": "Bearer e30.e30.c2ln", "user": PRINTER}
        answer = client.post("/v1/doctor/token", json=token)
    assert findings
    assert not str(findings).isascii()
    assert answer.status_code == 200, answer.text
    assert "c2ln" not in answer.text
