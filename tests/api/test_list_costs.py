"""What lists cost and who needs one, by HTTP: the figures that `kairan group cost` and `kairan group advise` have."""

import json

import pytest

from kairan.auth.passwords.hashing import hash_password
from kairan.cli import sample
from kit.live import CHEAP, PASSWORD, open_directory, wait_for

PEOPLE = [sample.user(n) for n in range(150, 153)]
LIST = "costs-9107@kairan.test"
# One that no other test sends as: what an account sends within minutes is one run.
ACCOUNT = sample.address("costs-9107-sender")


@pytest.fixture(scope="module")
def costly(api):
    """A message to a list, delivered to each; then the same people one by one."""
    with open_directory(api.service.place) as directory:
        directory.add_account(ACCOUNT, password_hash=hash_password(PASSWORD, CHEAP))
        directory.add_group(LIST, initial_members=PEOPLE)
    api.service.wait_directory()
    with api.client(ACCOUNT) as client:
        for to in (LIST, *PEOPLE):
            document = {"from": ACCOUNT, "to": [to], "subject": "costs", "text": "Hello."}
            message = client.post("/v1/messages", json=document).json()["id"]

            def look(message=message):
                return client.get(f"/v1/messages/{message}").json().get("status") == "delivered"

            wait_for(look, "the delivery")


def asked(api, keys, place, **query):
    with api.operator(keys["read"]) as client:
        answer = client.get(place, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def commanded(api, *words):
    return json.loads(api.service.kairan("group", *words, "--json"))


def test_a_list_costs_what_the_command_says(api, keys, costly):
    found = asked(api, keys, "/v1/group-costs", group=LIST)
    assert found == commanded(api, "cost", LIST)
    assert (found["total"]["messages"], found["total"]["billed"]) == (1, 3)
    [message] = found["messages"]
    one = asked(api, keys, "/v1/group-costs", message_id=message["message_id"])
    assert one["messages"] == [message]


def test_a_message_that_the_trace_does_not_know_is_not_found(api, keys):
    with api.operator(keys["read"]) as client:
        assert client.get("/v1/group-costs?message_id=none@x").status_code == 404


def test_the_advice_is_the_commands(api, keys, costly):
    found = asked(api, keys, "/v1/group-advice", recipients=3, runs=1)
    assert found == commanded(api, "advise", "--recipients", "3", "--runs", "1")
    [one] = [each for each in found if each["account"] == ACCOUNT]
    assert one["recipients"] == sorted(PEOPLE)
    assert (one["list"]["kind"], one["list"]["name"]) == ("group", LIST)


@pytest.mark.parametrize("place", ["/v1/group-costs", "/v1/group-advice"])
def test_it_needs_a_key(api, place):
    with api.anonymous() as client:
        assert client.get(place).status_code == 401
