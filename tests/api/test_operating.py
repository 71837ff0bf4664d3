"""Looking and operating by HTTP, with keys, and what one caller may not see of another."""

import json
import socket
import time

import pytest

from kit.live import PAYROLL, PRINTER, USER, wait_for


def sent(api, marker, account=PRINTER):
    document = {"from": account, "to": [USER], "subject": marker, "text": "Hello."}
    with api.client(account) as client:
        answer = client.post("/v1/messages", json=document)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def delivered(client, message):
    def look():
        answer = client.get(f"/v1/messages/{message}")
        return answer if answer.json().get("status") == "delivered" else None

    return wait_for(look, f"the delivery of {message}").json()


def test_an_account_sees_where_its_message_is(api):
    message = sent(api, "where-8101")
    with api.client() as client:
        found = delivered(client, message)
        events = client.get(f"/v1/messages/{message}/events").json()["events"]
    assert found["account"] == PRINTER
    assert [one["address"] for one in found["recipients"]] == [USER]
    assert {"RECEIVE", "DELIVER"} <= {one["event"] for one in events}


@pytest.mark.parametrize("path", ["", "/events"])
def test_another_account_does_not_learn_that_there_is_such_a_message(api, path):
    message = sent(api, "mine-8102")
    with api.client() as client:
        delivered(client, message)
    with api.client(PAYROLL) as client:
        theirs = client.get(f"/v1/messages/{message}{path}")
        nobodys = client.get(f"/v1/messages/no-such-8102@example.com{path}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()


def test_who_takes_anothers_message_id_sees_its_own_message_alone(api):
    message = sent(api, "victim-8103")
    with api.client() as client:
        delivered(client, message)
    document = {
        "from": PAYROLL,
        "to": [USER],
        "subject": "taken-8103",
        "headers": {"Message-ID": f"<{message}>"},
    }
    with api.client(PAYROLL) as client:
        assert client.post("/v1/messages", json=document).status_code == 202

        def look():
            answer = client.get(f"/v1/messages/{message}/events")
            return answer if answer.status_code == 200 else None

        events = wait_for(look, "the second message").json()["events"]
    assert {one["account"] for one in events} == {PAYROLL}


def test_a_wrong_password_sees_nothing(api):
    with api.client(password="wrong wrong wrong") as client:
        assert client.get("/v1/messages/any@example.com").status_code == 401


@pytest.mark.parametrize("path", ["/v1/trace", "/v1/status", "/v1/accounts", "/v1/groups"])
def test_what_operators_see_needs_a_key(api, keys, path):
    with api.anonymous() as client:
        assert client.get(path).status_code == 401
    with api.client() as client:
        assert client.get(path).status_code == 401
    with api.operator(keys["read"]) as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("scope", ["read", "operate"])
def test_a_key_does_no_more_than_its_scope(api, keys, scope):
    with api.operator(keys[scope]) as client:
        answer = client.post("/v1/mailboxes", json={"address": "scope-8104@" + USER.split("@")[1]})
    assert answer.status_code == 403
    assert answer.json()["key"] == "api-scope"


def test_a_mailbox_is_added_and_removed_and_the_audit_says_by_which_key(api, keys):
    address = "added-8105@" + USER.partition("@")[2]
    with api.operator(keys["admin"]) as client:
        assert client.post("/v1/mailboxes", json={"address": address}).status_code == 201
        assert client.post("/v1/mailboxes", json={"address": address}).status_code == 409
        found = client.get("/v1/mailboxes", params={"search": "added-8105"}).json()
        assert [one["address"] for one in found] == [address]
        assert client.delete(f"/v1/mailboxes/{address}").status_code == 204
    audit = api.service.place / "data" / "audit" / "web.jsonl"
    line = wait_for(
        lambda: next((one for one in audit.read_text().splitlines() if address in one), None),
        "the audit's line",
    )
    assert '"key": "a-admin"' in line


def test_hashes_of_passwords_are_never_shown(api, keys):
    with api.operator(keys["admin"]) as client:
        text = client.get("/v1/accounts").text
    assert "argon2" not in text
    assert PRINTER in text


def test_a_key_of_the_command_line_is_good_until_it_is_removed(api):
    made = json.loads(api.service.kairan("api-key", "add", "gone-8106", "--json"))
    with api.operator(made["key"]) as client:
        assert client.get("/v1/groups").status_code == 200
        api.service.kairan("api-key", "remove", "gone-8106")
        assert client.get("/v1/groups").status_code == 401


def test_the_pages_of_a_search_hold_every_event_once(api, keys):
    ids = [sent(api, f"page-8107-{n}", PAYROLL) for n in range(3)]
    with api.operator(keys["read"]) as client:
        for message in ids:
            delivered(client, message)
        wanted = {"account": PAYROLL, "status": "received"}
        everything = client.get("/v1/trace", params={**wanted, "limit": 1000}).json()["events"]
        pages, cursor = [], ""
        while cursor is not None:
            page = client.get("/v1/trace", params={**wanted, "limit": 1, "cursor": cursor}).json()
            pages += page["events"]
            cursor = page["next"]
    assert [one["message_id"] for one in pages] == [one["message_id"] for one in everything]
    assert {f"<{message}>" for message in ids} <= {one["message_id"] for one in pages}


def test_a_refusal_is_explained_in_the_language_asked_for(api, keys):
    with api.operator(keys["read"]) as client:
        answer = client.post(
            "/v1/doctor/explain",
            json={
                "text": "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
            },
            headers={"Accept-Language": "ja;q=0.9, en;q=0.1"},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["explanations"][0]["key"]
    assert not str(answer.json()["explanations"][0]["remedies"]).isascii()


def test_a_request_that_never_ends_does_not_hold_the_others_up(api):
    head = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
    with socket.create_connection(("127.0.0.1", api.port)) as slow:
        slow.sendall(head)
        began = time.monotonic()
        sent(api, "beside-8108")
        assert time.monotonic() - began < 20
        slow.sendall(b"X: " + b"x" * 10_000 + b"\r\n")
        assert b"HTTP/1.1 4" in slow.recv(1_000)


def test_what_is_not_there_is_a_problem_document(api):
    with api.anonymous() as client:
        for answer in (client.get("/v2/nothing"), client.put("/v1/messages")):
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
