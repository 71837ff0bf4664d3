"""The queue by HTTP: looked at, held, released, tried and dropped, and who did it.

Mail for `waits.example` goes to a port where nobody listens; each test has recipients of its own.
"""

import json

import httpx
import pytest

from kit.api import Api, made_keys
from kit.live import PRINTER, USER, running_service, wait_for
from kit.ports import free_port


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    port = free_port()
    settings = f"\n[api]\nenabled = true\nport = {port}\n"
    routes = {"*": f"smtp://127.0.0.1:{free_port()}?tls=none"}
    place = tmp_path_factory.mktemp("queue")
    with running_service(place, settings=settings, routes=routes) as service:
        yield Api(service, port)


@pytest.fixture(scope="module")
def its_keys(queue):
    return made_keys(queue.service)


@pytest.fixture
def operator(queue, its_keys):
    with queue.operator(its_keys["operate"]) as client:
        yield client


def queued(queue, operator, marker, number=1):
    """Jobs of messages with this marker in their id: all of them wait."""
    for n in range(number):
        document = {
            "from": PRINTER,
            "to": [USER],
            "subject": marker,
            "headers": {"Message-ID": f"<{marker}-{n}@example.com>"},
        }
        with queue.client() as client:
            assert client.post("/v1/messages", json=document).status_code == 202

    def look():
        jobs = operator.get("/v1/queue", params={"limit": 1000}).json()["jobs"]
        mine = [one for one in jobs if marker in one["message_id"] and one["detail"]]
        return mine if len(mine) == number else None

    return wait_for(look, f"{number} jobs that wait")


def job(operator, name):
    return operator.get(f"/v1/queue/{name}").json()["jobs"][0]


def test_a_job_is_listed_and_shown_with_its_header(queue, its_keys, operator):
    (one,) = queued(queue, operator, "shown-8201")
    assert one["sender"] == PRINTER
    assert one["recipients"] == [USER]
    assert one["detail"]
    shown = operator.get(f"/v1/queue/{one['id']}").json()
    assert "Subject: shown-8201" in shown["header"]
    found = operator.get("/v1/queue", params={"message_id": "shown-8201-0@example.com"}).json()
    assert [x["id"] for x in found["jobs"]] == [one["id"]]
    numbers = operator.get("/v1/queue-numbers").json()
    assert numbers["messages"] >= 1


def test_a_job_is_held_and_released_and_trace_and_audit_say_by_which_key(queue, operator):
    (one,) = queued(queue, operator, "held-8202")
    body = {"ids": [one["id"]]}
    assert operator.post("/v1/queue/hold", json=body).json()["jobs"] == 1
    assert job(operator, one["id"])["held"]
    assert operator.post("/v1/queue/hold", json=body).json()["jobs"] == 0
    assert operator.post("/v1/queue/release", json=body).json()["jobs"] == 1
    assert not job(operator, one["id"])["held"]
    assert operator.post("/v1/queue/retry", json=body).json()["jobs"] == 1
    events = {e.event: e.detail for e in queue.service.events("<held-8202-0@example.com>")}
    assert events["HOLD"] == events["RELEASE"] == events["RETRY"] == "by API key a-operate"
    audit = queue.service.place / "data" / "audit" / "web.jsonl"
    line = wait_for(
        lambda: next((x for x in audit.read_text().splitlines() if f'"{one["id"]}"' in x), None),
        "the audit",
    )
    assert json.loads(line)["key"] == "a-operate"


def test_a_dry_run_says_how_many_and_touches_nothing(queue, operator):
    jobs = queued(queue, operator, "dry-8203", 3)
    wanted = {"ids": [one["id"] for one in jobs], "dry_run": True}
    answer = operator.post("/v1/queue/drop", json=wanted).json()
    assert answer == {"act": "drop", "jobs": 3, "dry_run": True}
    assert all(operator.get(f"/v1/queue/{one['id']}").status_code == 200 for one in jobs)


def test_what_conditions_name_is_done_only_within_the_number_that_was_said(queue, operator):
    queued(queue, operator, "bulk-8204")
    wanted = {"message_id": "bulk-8204-0@example.com"}
    unsaid = operator.post("/v1/queue/drop", json=wanted)
    assert unsaid.status_code == 409
    assert "1 jobs" in unsaid.json()["detail"]
    assert operator.post("/v1/queue/drop", json={**wanted, "at_most": 0}).status_code == 409
    number = operator.post("/v1/queue/drop", json={**wanted, "dry_run": True}).json()["jobs"]
    dropped = operator.post("/v1/queue/drop", json={**wanted, "at_most": number})
    assert dropped.json()["jobs"] == 1
    assert operator.post("/v1/queue/drop", json={**wanted, "at_most": 9}).json()["jobs"] == 0
    detail = {e.event: e.detail for e in queue.service.events("<bulk-8204-0@example.com>")}
    assert detail["DROP"] == "by API key a-operate"


def test_of_several_ids_all_are_there_or_nothing_is_done(queue, operator):
    (one,) = queued(queue, operator, "gone-8205")
    answer = operator.post("/v1/queue/hold", json={"ids": [one["id"], "0-999999"]})
    assert answer.status_code == 404
    assert not job(operator, one["id"])["held"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"ids": []},
        {"ids": ["0-1"], "everything": True},
        {"ids": ["0-1"], "sender": PRINTER},
        {"everything": True, "sender": PRINTER},
        {"ids": ["../../etc"]},
        {"ids": ["0-1; DROP TABLE job"]},
        {"ids": ["0-1"], "by": "somebody else"},
        {"ids": ["0-1"], "at_most": -1},
    ],
)
def test_what_does_not_say_which_jobs_is_refused(operator, wanted):
    assert operator.post("/v1/queue/hold", json=wanted).status_code == 422


def test_looking_needs_read_and_acting_needs_operate(queue, its_keys):
    body = {"ids": ["0-1"], "dry_run": True}
    with queue.operator(its_keys["read"]) as reader:
        assert reader.get("/v1/queue").status_code == 200
        assert reader.get("/v1/queue/0-1").status_code == 403
        assert reader.post("/v1/queue/hold", json=body).status_code == 403
    with queue.client() as account:
        assert account.get("/v1/queue").status_code == 401
        assert account.post("/v1/queue/drop", json=body).status_code == 401
    answer = httpx.post(f"{queue.url}/v1/queue/drop", json=body)
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["0-999999", "0-999999.1", "77-1"])
def test_what_is_not_in_the_queue_is_not_found(operator, name):
    assert operator.get(f"/v1/queue/{name}").status_code == 404


def test_why_a_job_waits_is_said_in_the_language_asked_for(queue, its_keys, operator):
    (one,) = queued(queue, operator, "why-8210")
    with queue.operator(its_keys["read"]) as reader:
        (english,) = reader.get(f"/v1/queue/{one['id']}/why").json()
        (japanese,) = reader.get(
            f"/v1/queue/{one['id']}/why", headers={"Accept-Language": "ja"}
        ).json()
        assert reader.get("/v1/queue/0-999999999/why").status_code == 404
    assert english["id"] == one["id"]
    assert english["recipients"] == [USER]
    assert english["last_reply"]
    assert english["because"] != japanese["because"]
    assert english["waiting"] == japanese["waiting"]


def test_a_route_is_paused_and_resumed_and_the_audit_says_by_which_key(queue, its_keys, operator):
    with queue.operator(its_keys["read"]) as reader:
        assert reader.post("/v1/queue-pauses", json={"route": "*"}).status_code == 403
        assert reader.delete("/v1/queue-pauses", params={"route": "*"}).status_code == 403
    try:
        answer = operator.post("/v1/queue-pauses", json={"route": "*"})
        assert answer.status_code == 201, answer.text
        (paused,) = operator.get("/v1/queue-pauses").json()
        assert (paused["kind"], paused["name"], paused["by"]) == ("route", "*", "API key a-operate")
    finally:
        ended = operator.delete("/v1/queue-pauses", params={"route": "*"})
    assert ended.json() == [{"kind": "route", "name": "*"}]
    assert operator.get("/v1/queue-pauses").json() == []
    assert operator.delete("/v1/queue-pauses", params={"route": "*"}).status_code == 409
    audit = queue.service.place / "data" / "audit" / "web.jsonl"

    def told():
        lines = [one for one in audit.read_text().splitlines() if '"pauses"' in one]
        return lines if len(lines) == 2 else None

    paused_line, resumed_line = wait_for(told, "two lines of the audit")
    assert '"queue.paused"' in paused_line
    assert '"queue.resumed"' in resumed_line
    assert json.loads(paused_line)["key"] == json.loads(resumed_line)["key"] == "a-operate"


@pytest.mark.parametrize("document", [
    {},
    {"route": "*", "destination": "smtp://x"},
    {"everything": True},
    {"route": "*", "by": "somebody else"},
])  # fmt: skip
def test_what_does_not_say_what_to_pause_is_refused(operator, document):
    assert operator.post("/v1/queue-pauses", json=document).status_code == 422
    assert operator.delete("/v1/queue-pauses").status_code == 422


def test_a_route_that_there_is_not_is_not_paused(operator):
    answer = operator.post("/v1/queue-pauses", json={"route": "nowhere.example"})
    assert answer.status_code == 409
    assert operator.get("/v1/queue-pauses").json() == []
