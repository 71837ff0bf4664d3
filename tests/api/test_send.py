"""POST /v1/messages at a running service."""

import asyncio
import base64
import email
import email.policy
import json
import os
import signal
import sqlite3

import httpx
import pytest

from kairan.api.submission import SESSIONS_OF_ONE_MAX
from kit.api import web_process
from kit.live import PASSWORD, PAYROLL, PRINTER, USER, wait_for


def message(marker, **more):
    return {"from": PRINTER, "to": [USER], "subject": marker, "text": "Hello.", **more}


def send(api, document, **headers):
    with api.client() as client:
        return client.post("/v1/messages", json=document, headers=headers)


def arrived(api, marker):
    octets = api.service.wait_message(marker.encode())
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_a_message_is_accepted_and_arrives_with_all_its_parts(api):
    document = message(
        "all-parts-7341",
        html="<p>Hello.</p>",
        cc=[{"address": USER, "name": "回覧 係"}],
        reply_to=[PAYROLL],
        attachments=[
            {
                "name": "報告.pdf",
                "content": base64.b64encode(b"%PDF").decode(),
                "type": "application/pdf",
            }
        ],
        headers={"X-Order": "4711"},
    )
    answer = send(api, document)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == [USER]
    found = arrived(api, "all-parts-7341")
    assert found["Message-ID"] == answer.json()["message_id"]
    assert found["X-Order"] == "4711"
    assert found["Reply-To"] == PAYROLL
    assert found["Cc"].addresses[0].display_name == "回覧 係"
    (attachment,) = found.iter_attachments()
    assert attachment.get_filename() == "報告.pdf"
    assert attachment.get_content() == b"%PDF"


def test_a_whole_message_arrives_as_it_is_and_nobody_sees_bcc(api):
    octets = f"From: {PRINTER}\nTo: {USER}\nBcc: {USER}\nSubject: raw-7342\n\nHello.\n".encode()
    with api.client() as client:
        answer = client.post(
            "/v1/messages", content=octets, headers={"Content-Type": "message/rfc822"}
        )
    assert answer.status_code == 202, answer.text
    found = arrived(api, "raw-7342")
    assert found["Bcc"] is None
    assert found["Message-ID"] == answer.json()["message_id"]


def test_a_sender_that_is_not_the_accounts_is_refused_as_smtp_refuses_it(api):
    answer = send(api, message("foreign-7343", **{"from": USER}), **{"Accept-Language": "ja"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["key"] == "sender-not-yours"
    assert problem["code"].startswith("5")
    assert problem["causes"]
    assert problem["remedies"]
    assert not problem["title"].isascii()


def test_a_recipient_that_is_unknown_is_named_and_the_others_get_their_mail(api):
    answer = send(api, message("some-7344", to=[USER, "nobody-7344@" + USER.partition("@")[2]]))
    assert answer.status_code == 202
    (refused,) = answer.json()["refused"]
    assert refused["address"].startswith("nobody-7344@")
    assert refused["problem"]["key"] == "recipient-unknown"
    arrived(api, "some-7344")


def test_a_wrong_password_is_asked_for_again(api):
    with httpx.Client(base_url=api.url, auth=(PRINTER, "wrong wrong wrong")) as client:
        answer = client.post("/v1/messages", json=message("wrong-7345"))
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]
    assert answer.json()["code"].startswith("535")


def test_more_recipients_than_a_message_may_have_are_refused_whole(api):
    domain = USER.partition("@")[2]
    answer = send(api, message("many-7346", to=[f"user{n}@{domain}" for n in range(51)]))
    assert answer.status_code == 422
    assert answer.json()["key"] == "too-many-recipients"


LINES = ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b"]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    "place",
    [
        lambda line: {"subject": line},
        lambda line: {"headers": {"X-A": line}},
        lambda line: {"headers": {line: "a"}},
        lambda line: {"to": [f"{line}@example.com"]},
        lambda line: {"cc": [{"address": USER, "name": line}]},
        lambda line: {"reply_to": [f"{line}@example.com"]},
        lambda line: {"from": {"address": PRINTER, "name": line}},
        lambda line: {"attachments": [{"name": line, "content": ""}]},
        lambda line: {"attachments": [{"name": "a", "content": "", "type": f"a/{line}"}]},
    ],
    ids=["subject", "value", "name", "to", "cc", "reply-to", "from", "file", "type"],
)
def test_nothing_becomes_two_lines_of_a_header(api, place, line):
    answer = send(api, message("injected-7347") | place(line))
    assert answer.status_code == 422, answer.text
    assert answer.json()["key"] == "api-invalid"


@pytest.mark.parametrize(
    "more",
    [
        {"account": PAYROLL},
        {"sender": PAYROLL},
        {"message_id": "<a@b>"},
        {"headers": {"Received": "x"}},
        {"headers": {"From": PAYROLL}},
        {"headers": {"content-type": "text/html"}},
        {"attachments": [{"name": "a", "content": "", "path": "/etc/passwd"}]},
    ],
)
def test_what_is_no_field_of_a_client_is_refused(api, more):
    assert send(api, message("mass-7348") | more).status_code == 422


def test_a_body_that_is_too_large_is_not_read(api):
    octets = b"x" * (15 * 1024 * 1024)
    with api.client() as client:
        answer = client.post(
            "/v1/messages", content=octets, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 413
    assert answer.json()["key"] == "api-too-large"


def test_the_host_that_a_client_names_is_not_believed(api):
    answer = send(api, message("host-7349"), Host="evil.example")
    assert answer.status_code == 202
    assert "evil" not in answer.text + str(answer.headers)
    assert answer.headers["location"].startswith("/v1/messages/")


async def test_many_requests_at_once_share_the_sessions_that_one_client_may_have(api):
    async with httpx.AsyncClient(base_url=api.url, auth=(PRINTER, PASSWORD), timeout=60) as client:
        sent = [client.post("/v1/messages", json=message(f"many-7360-{n}")) for n in range(90)]
        answers = await asyncio.gather(*sent)
    assert {one.status_code for one in answers} == {202}
    held = json.loads(api.service.kairan("session", "list", "--account", PRINTER, "--json"))
    assert 0 < len(held) <= SESSIONS_OF_ONE_MAX


async def test_a_wrong_password_beside_right_ones_is_refused_each_time(api):
    async with httpx.AsyncClient(base_url=api.url, timeout=60) as client:
        for _ in range(2):
            right = client.post(
                "/v1/messages", json=message("beside-7361"), auth=(PRINTER, PASSWORD)
            )
            wrong = client.post(
                "/v1/messages",
                json=message("beside-7362"),
                auth=(PRINTER, "wrong"),
                headers={"Idempotency-Key": "beside-7362"},
            )
            answers = await asyncio.gather(right, wrong)
            assert answers[0].status_code == 202
            assert answers[1].status_code in {401, 429}


def test_the_same_key_sends_once_and_another_body_is_told_so(api):
    document = message("once-7350")
    first = send(api, document, **{"Idempotency-Key": "a-7350"})
    again = send(api, document, **{"Idempotency-Key": "a-7350"})
    other = send(api, message("other-7350"), **{"Idempotency-Key": "a-7350"})
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert other.status_code == 422
    assert other.json()["key"] == "api-key-reused"
    arrived(api, "once-7350")
    api.service.wait_empty()
    assert sum(b"once-7350" in one for one in api.service.messages()) == 1


def test_a_key_is_its_accounts_alone(api):
    headers = {"Idempotency-Key": "a-7351"}
    assert send(api, message("mine-7351"), **headers).status_code == 202
    with api.client(PAYROLL) as client:
        document = message("theirs-7351") | {"from": PAYROLL}
        answer = client.post("/v1/messages", json=document, headers=headers)
    assert answer.status_code == 202
    with api.client(password="wrong wrong wrong") as client:
        answer = client.post("/v1/messages", json=message("mine-7351"), headers=headers)
    assert answer.status_code == 401


def test_a_retry_after_the_process_died_sends_once(api):
    """Killed after the worker's 250 and before the answer was kept: what the retry finds is a row
    without an answer.
    """
    document = message("killed-7352")
    headers = {"Idempotency-Key": "a-7352"}
    first = send(api, document, **headers)
    assert first.status_code == 202
    os.kill(web_process(api.service.workers()), signal.SIGKILL)
    database = api.service.place / "data" / "api" / "idempotency.db"
    with sqlite3.connect(database) as db:
        db.execute("UPDATE request SET answer = NULL")

    def again():
        try:
            return send(api, document, **headers)
        except httpx.TransportError:
            return None

    answer = wait_for(again, "the web process again")
    assert answer.status_code == 202, answer.text
    assert answer.json()["message_id"] == first.json()["message_id"]
    arrived(api, "killed-7352")
    api.service.wait_empty()
    assert sum(b"killed-7352" in one for one in api.service.messages()) == 1
