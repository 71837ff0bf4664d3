"""Webhooks by HTTP: what `kairan webhook` does, by a key of scope admin."""

import json
import socket

import pytest

from kit.live import wait_for


@pytest.fixture
def admin(api, keys):
    with api.operator(keys["admin"]) as client:
        yield client


def added(admin, name, **more):
    document = {"name": name, "url": "https://app.example.com/in", **more}
    answer = admin.post("/v1/webhooks", json=document)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_webhook_is_added_with_a_secret_that_is_shown_once_and_removed(api, admin):
    new = added(admin, "shop-6101", events=["failed", "delayed"])
    assert len(new.pop("secret")) > 20
    assert new["events"] == ["delayed", "failed"]
    assert admin.get("/v1/webhooks/shop-6101").json() == new
    assert new in admin.get("/v1/webhooks").json()
    assert "shop-6101" in api.service.kairan("webhook", "list")
    assert admin.delete("/v1/webhooks/shop-6101").status_code == 204
    assert admin.get("/v1/webhooks/shop-6101").status_code == 404
    assert admin.delete("/v1/webhooks/shop-6101").status_code == 404


def test_the_audit_says_by_which_key_and_not_to_which_path(api, admin):
    added(admin, "audited-6102", url="https://app.example.com/secret-path-6102")
    admin.delete("/v1/webhooks/audited-6102")
    audit = api.service.place / "data" / "audit" / "web.jsonl"

    def told():
        lines = [one for one in audit.read_text().splitlines() if "audited-6102" in one]
        return lines if len(lines) == 2 else None

    added_line, removed_line = wait_for(told, "two lines of the audit")
    assert '"webhook.add"' in added_line
    assert '"webhook.remove"' in removed_line
    assert {json.loads(one)["key"] for one in (added_line, removed_line)} == {"a-admin"}
    assert "app.example.com" in added_line
    assert "secret-path-6102" not in added_line


@pytest.mark.parametrize("scope", ["read", "operate"])
def test_who_is_no_administrator_sees_and_changes_none(api, keys, scope):
    with api.operator(keys[scope]) as client:
        assert client.get("/v1/webhooks").status_code == 403
        assert client.get("/v1/webhooks/x").status_code == 403
        assert (
            client.post("/v1/webhooks", json={"name": "x", "url": "https://a.test/"}).status_code
            == 403
        )
        assert client.post("/v1/webhooks/x/test").status_code == 403
        assert client.delete("/v1/webhooks/x").status_code == 403


@pytest.mark.parametrize("more", [
    {"secret": "mine"},
    {"sent": 7},
    {"created": 0},
    {"events": ["everything"]},
    {"name": "../x"},
])  # fmt: skip
def test_what_is_no_field_of_a_client_is_refused(admin, more):
    document = {"name": "assigned-6103", "url": "https://a.test/", **more}
    assert admin.post("/v1/webhooks", json=document).status_code == 422
    assert admin.get("/v1/webhooks/assigned-6103").status_code == 404


@pytest.mark.parametrize("url", [
    "ftp://a.test/", "https://user:word@a.test/", "file:///etc/passwd", "https://a.test/#x", "//a.test/",
])  # fmt: skip
def test_an_address_that_the_command_refuses_is_refused(admin, url):
    answer = admin.post("/v1/webhooks", json={"name": "refused-6104", "url": url})
    assert answer.status_code == 409, answer.text
    assert admin.get("/v1/webhooks/refused-6104").status_code == 404


def test_a_test_never_dials_an_address_of_the_inside(admin):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        port = inside.getsockname()[1]
        added(admin, "inside-6105", url=f"https://127.0.0.1:{port}/in")
        answer = admin.post("/v1/webhooks/inside-6105/test")
        admin.delete("/v1/webhooks/inside-6105")
        assert answer.status_code == 200
        assert answer.json()["taken"] is False
        with pytest.raises(TimeoutError):
            inside.accept()


def test_one_that_there_is_not_is_not_tested(admin):
    assert admin.post("/v1/webhooks/nobody-6106/test").status_code == 404
