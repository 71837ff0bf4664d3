"""Imports, moderation, dynamic groups, devices, the issuer and the organisation by HTTP: as the commands have them."""

import json
import time

import pytest

from kairan.directory.model import ModerationRequest
from kit.live import PAYROLL, PRINTER, USER, open_directory, wait_for

DOMAIN = USER.partition("@")[2]
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def admin(api, keys):
    with api.operator(keys["admin"]) as client:
        yield client


@pytest.fixture
def audit(api):
    """The audit's line of this change about this, as soon as it is written."""
    file = api.service.place / "data" / "audit" / "web.jsonl"

    def look(what, word):
        lines = file.read_text().splitlines() if file.exists() else []
        found = [json.loads(one) for one in lines if f'"{what}"' in one and word in one]
        return found[-1] if found else None

    return lambda what, word="": wait_for(lambda: look(what, word), f"the audit of {what}")


def post_csv(client, path, text, **query):
    return client.post(path, content=text.encode(), headers=CSV, params=query)


def test_a_dry_run_of_an_import_says_what_would_be_and_writes_nothing(admin):
    text = f"address,displayName\nbox-9101@{DOMAIN},明子\n"
    dry = post_csv(admin, "/v1/mailboxes/import", text, dry_run=True)
    assert dry.json() == {
        "added": 1, "updated": 0, "unchanged": 0, "removed": 0, "dry_run": True,
    }  # fmt: skip
    assert admin.get(f"/v1/mailboxes/box-9101@{DOMAIN}").status_code == 404


def test_broken_rows_are_all_named_and_nothing_is_imported(admin):
    text = f"address,countryCode\nbox-9102@{DOMAIN},392\nno-address,392\nbox-9103@{DOMAIN},japan\n"
    answer = post_csv(admin, "/v1/mailboxes/import", text)
    assert answer.status_code == 422
    assert answer.json()["key"] == "api-broken-rows"
    assert [one["line"] for one in answer.json()["rows"]] == [3, 4]
    assert admin.get(f"/v1/mailboxes/box-9102@{DOMAIN}").status_code == 404


def test_mailboxes_members_and_accounts_are_imported_and_are_in_the_audit(admin, audit):
    people = "".join(f"box-91{n}@{DOMAIN}\n" for n in range(10, 13))
    assert post_csv(admin, "/v1/mailboxes/import", "address\n" + people).json()["added"] == 3
    assert audit("mailbox.import")["report"]["added"] == 3
    group = f"group-9104@{DOMAIN}"
    admin.post("/v1/groups", json={"address": group})
    place = f"/v1/groups/{group}/members/import"
    assert post_csv(admin, place, "address\n" + people, dry_run=True).json()["added"] == 3
    assert admin.get(f"/v1/groups/{group}/members").json() == {"members": []}
    assert post_csv(admin, place, "address\n" + people).json()["added"] == 3
    assert len(admin.get(f"/v1/groups/{group}/members").json()["members"]) == 3
    account = f"account-9105@{DOMAIN}"
    made = post_csv(admin, "/v1/accounts/import", f"address\n{account}\n", generate=True).json()
    assert list(made["passwords"]) == [account]
    line = audit("account.import")
    assert line["key"] == "a-admin"
    assert made["passwords"][account] not in json.dumps(line)


def test_what_is_no_csv_is_not_read(admin):
    assert admin.post("/v1/accounts/import", json={}).status_code == 415


def waiting(api, request_id, *, minutes=60):
    now = time.time()
    with open_directory(api.service.place) as directory:
        group = f"moderated@{DOMAIN}"
        directory.moderation.open(
            ModerationRequest(
                request_id, f"<{request_id}@x>", now, group, PRINTER, 1_000, (USER,), b"s" * 16,
                int(now + 60 * minutes),
            ),
            now=now,
        )  # fmt: skip


def test_what_waits_for_a_moderator_is_listed_and_decided_once(api, keys, audit):
    waiting(api, "aaaa9106")
    waiting(api, "bbbb9106")
    with api.operator(keys["operate"]) as client:
        listed = {one["id"]: one for one in client.get("/v1/moderation").json()}
        assert listed["aaaa9106"]["state"] == "waiting"
        decided = client.post("/v1/moderation/aaaa9106/approve").json()
        assert (decided["state"], decided["decided_by"]) == ("approved", "API key a-operate")
        assert client.post("/v1/moderation/aaaa9106/reject").status_code == 409
        assert client.post("/v1/moderation/bbbb9106/reject").json()["state"] == "rejected"
        assert client.post("/v1/moderation/none/reject").status_code == 404
        assert "aaaa9106" not in client.get("/v1/moderation").text
        assert "aaaa9106" in client.get("/v1/moderation", params={"all": True}).text
    assert audit("group.moderate", "bbbb9106")["decision"] == "reject"
    with api.operator(keys["read"]) as reader:
        assert reader.post("/v1/moderation/aaaa9106/approve").status_code == 403


def test_a_dynamic_group_by_precanned_conditions_is_refreshed_with_its_history(admin, audit):
    address = f"dynamic-9107@{DOMAIN}"
    box = {"address": f"sales-9107@{DOMAIN}", "attributes": {"department": "Sales9107"}}
    assert admin.post("/v1/mailboxes", json=box).status_code == 201
    new = {"address": address, "conditions": {"Department": ["Sales9107"]}, "owners": [USER]}
    added = admin.post("/v1/dynamic-groups", json=new)
    assert added.status_code == 201, added.text
    assert added.json()["included_recipients"] == ["MailboxUsers"]
    assert "Sales9107" in added.json()["filter"]
    another = {"address": f"sales-9108@{DOMAIN}", "attributes": {"department": "Sales9107"}}
    admin.post("/v1/mailboxes", json=another)
    assert admin.post(f"/v1/groups/{address}/refresh", json={"agreed": True}).json()["added"] == 1
    assert audit("group.refresh", address)["change"]["added"] == 1
    assert admin.get(f"/v1/groups/{address}/history").json()[0]["by"] == "API key a-admin"
    changed = admin.patch(
        f"/v1/groups/{address}/filter",
        json={"filter": "Department -eq 'Nobody9107'", "refresh_seconds": None, "agreed": True},
    )
    assert changed.json()["conditions"] == {}
    assert admin.get(f"/v1/groups/{address}/members").json() == {"members": []}
    fits = admin.post("/v1/recipient-filter", json={"filter": "Department -eq 'Sales9107'"})
    assert fits.json()["count"] == 2
    both = {"filter": "Department -eq 'X'", "conditions": {"Department": ["X"]}}
    assert admin.patch(f"/v1/groups/{address}/filter", json=both).status_code == 409
    assert admin.get(f"/v1/groups/nobody@{DOMAIN}/filter").status_code == 404
    assert admin.get("/v1/group-sends", params={"group": address}).json() == []


def test_a_device_is_added_with_a_password_that_is_shown_once_changed_and_removed(admin, audit):
    new = {"name": "mfp-9109", "account": PRINTER, "login": "mfp9109", "generate": True}
    made = admin.post("/v1/devices", json=new)
    assert made.status_code == 201, made.text
    password = made.json()["password"]
    assert password
    assert password not in json.dumps(audit("device.add", "mfp-9109"))
    shown = admin.get("/v1/devices/mfp9109").json()
    assert (shown["name"], shown["has_password"]) == ("mfp-9109", True)
    changed = admin.patch("/v1/devices/mfp-9109", json={"place": "3F", "password": ""}).json()
    assert (changed["place"], changed["has_password"]) == ("3F", False)
    assert "mfp-9109" in [one["name"] for one in admin.get("/v1/devices").json()]
    assert admin.delete("/v1/devices/mfp-9109").status_code == 204
    assert admin.get("/v1/devices/mfp-9109").status_code == 404


def test_the_issuer_makes_a_token_to_measure_and_its_next_key(admin, audit):
    admin.post("/v1/apps", json={"name": "erp-9110", "accounts": [PRINTER]})
    asked = {"user": PRINTER, "delegated": True, "lifetime": -60}
    made = admin.post("/v1/apps/erp-9110/token", json=asked)
    assert made.status_code == 201, made.text
    assert made.json()["expires"] < time.time()
    report = admin.post("/v1/doctor/token", json={"text": made.json()["access_token"]})
    assert report.status_code == 200
    assert made.json()["access_token"] not in json.dumps(audit("app.token", "erp-9110"))
    key = admin.post("/v1/issuer/keys", json={}).json()
    assert key["withdrawn"] == 0
    assert audit("app.rotate", key["kid"])["withdrawn"] == 0
    code = {"code": "BCDF-GHJK", "account": PRINTER}
    refused = admin.post("/v1/device-logins/approve", json=code)
    assert refused.status_code == 409
    assert "BCDF-GHJK" in refused.json()["detail"]


def test_the_organisation_and_its_domains_are_changed(admin):
    assert admin.patch("/v1/organisation", json={"name": "Example 9111"}).status_code == 200
    place = "/v1/domains/other-9111.example"
    assert admin.put(place, json={"is_relayed": True}).status_code == 204
    shown = admin.get("/v1/organisation").json()
    assert shown["name"] == "Example 9111"
    assert {"domain": "other-9111.example", "is_relayed": True} in shown["domains"]
    assert admin.delete(place).status_code == 204
    assert admin.delete(f"/v1/domains/{DOMAIN}").status_code == 409


def test_a_session_is_listed_and_ended(api, admin):
    with api.service.client() as client:
        client.login(PAYROLL)
        (held,) = admin.get("/v1/sessions", params={"account": PAYROLL}).json()
        assert admin.delete("/v1/sessions").status_code == 422
        ended = admin.delete("/v1/sessions", params={"id": held["id"]}).json()["ended"]
        assert [one["id"] for one in ended] == [held["id"]]
        assert client.reply().startswith("421")


def test_why_an_account_may_log_in_and_that_it_is_held_no_more(admin):
    shown = admin.get(f"/v1/accounts/{PRINTER}/logins").json()
    assert shown["account"] == PRINTER
    assert {one["role"] for one in shown["verdicts"]} >= {"hve", "device"}
    assert admin.post(f"/v1/accounts/{PRINTER}/release").status_code == 204
    assert admin.get(f"/v1/accounts/{PRINTER}").json()["held_since"] is None


def test_a_fleet_and_a_log_are_judged(api, keys):
    with api.operator(keys["read"]) as client:
        fleet = "name,server,port,tls\nmfp-1,smtp.office365.com,587,off\n"
        (device,) = client.post("/v1/doctor/fleet", json={"csv": fleet}).json()["devices"]
        assert device["name"] == "mfp-1"
        assert device["findings"]
        assert client.post("/v1/doctor/fleet", json={"csv": "x\n1\n"}).status_code == 422
        line = "Nov 23 08:00:00 mx postfix/smtp[1]: A1: to=<a@b.example>, relay=x, delay=1, dsn=5.7.57, status=bounced (host x said: 530 5.7.57 Client not authenticated)\n"
        report = client.post("/v1/doctor/log", json={"text": line}).json()["report"]
        assert report["causes"]


def test_the_audit_is_read_by_who_administers(api, keys, admin, audit):
    admin.post("/v1/groups", json={"address": f"audited-9112@{DOMAIN}"})
    audit("group.add", "audited-9112")
    (line,) = admin.get("/v1/audit", params={"about": f"audited-9112@{DOMAIN}"}).json()
    assert (line["what"], line["key"]) == ("group.add", "a-admin")
    assert f"audited-9112@{DOMAIN}" in api.service.kairan("audit", "--what", "group.add")
    with api.operator(keys["operate"]) as client:
        assert client.get("/v1/audit").status_code == 403


def test_the_directory_refuses_in_the_language_that_is_asked_for(admin):
    taken = {"address": PRINTER}
    answer = admin.post("/v1/accounts", json=taken, headers={"Accept-Language": "ja"})
    assert answer.json()["detail"].startswith(f"{PRINTER} はすでに使われています")
    assert "exists already" in admin.post("/v1/accounts", json=taken).json()["detail"]


def test_rows_filters_and_passwords_are_refused_in_the_language_too(admin):
    admin.headers["Accept-Language"] = "ja"
    text = f"address,countryCode\nbox-9131@{DOMAIN},japan\nbox-9131@{DOMAIN},392\n"
    rows = post_csv(admin, "/v1/mailboxes/import", text).json()["rows"]
    said = {one["line"]: one["sentence"] for one in rows}
    assert "ISO 3166 の数値コード" in said[2]
    assert "2 行目に既にあります" in said[3]
    bad = admin.post("/v1/recipient-filter", json={"filter": "Department -eq"})
    assert "フィルターの 15 文字目" in bad.json()["detail"], bad.text
    short = {"address": f"short-9131@{DOMAIN}", "password": "short"}
    answer = admin.post("/v1/accounts", json=short)
    assert answer.json()["detail"] == "password: パスワードは 8 文字以上必要です", answer.text
