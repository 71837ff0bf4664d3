"""Rules of lists in a running service: moderation by mail and by command, windows, owners, copies."""

import json
import re

import pytest

from kairan.cli import sample
from kit.live import PRINTER, open_directory, running_service, wait_for

ANSWERS = "answers@kairan.test"
MEMBER, MODERATOR, OWNER, READER = (sample.user(n) for n in (11, 12, 13, 14))


def moderated(name: str) -> dict[str, object]:
    return {"address": f"{name}@kairan.test", "moderated": True, "moderators": [MODERATOR]}


GROUPS = (
    *(moderated(name) for name in ("by-mail", "by-command", "rejected", "twice")),
    {"address": "hidden@kairan.test", "hidden": True, "accept_from": [READER]},
    {"address": "night@kairan.test", "send_window": "00:00-00:01 mon UTC"},
    {
        "address": "copies@kairan.test",
        "list_headers": True,
        "reply_to": READER,
        "unsubscribe": "https://kairan.test/leave",
        "owners": [OWNER],
    },
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("lists")
    with running_service(place) as one:
        with open_directory(place) as directory:
            directory.set_organisation(moderation_address=ANSWERS)
            directory.set_account(PRINTER, reply_to=READER)
            for group in GROUPS:
                fields = dict(group)
                address = fields.pop("address")
                directory.add_group(address, initial_members=[MEMBER], **fields)
        one.wait_directory()
        yield one


def send(service, to: str, subject: str, text: str = "x") -> str:
    with service.client().login() as client:
        content = f"From: <{PRINTER}>\r\nSubject: {subject}\r\n\r\n{text}\r\n"
        answer = client.send(content.encode(), to)
        assert answer.startswith("250"), answer
        return answer


def waiting(service, group: str) -> dict[str, object]:
    def look():
        found = json.loads(service.kairan("group", "moderation", "list", "--json"))
        return next((one for one in found if one["group"] == group), None)

    return wait_for(look, f"a message of {group} that waits")


def asked(service, group: str) -> str:
    """The token in the mail that a moderator got."""
    mail = service.wait_message(f"Approval needed: {group}".encode(), MODERATOR).decode()
    found = re.search(r"Subject: \[([a-z2-7-]+)\]", mail)
    assert found, mail
    return found[1]


def test_a_moderator_approves_by_answering_his_mail(service):
    send(service, "by-mail@kairan.test", "wanted-by-mail")
    token = asked(service, "by-mail@kairan.test")
    assert not [m for m in service.messages(MEMBER) if b"wanted-by-mail" in m]
    send(service, ANSWERS, f"Re: [{token}] Approval needed", "Approve, thanks")
    service.wait_message(b"wanted-by-mail", MEMBER)
    record = json.loads(service.kairan("group", "moderation", "list", "--all", "--json"))
    (one,) = [r for r in record if r["group"] == "by-mail@kairan.test"]
    assert (one["state"], one["by"]) == ("approved", MODERATOR)


def test_the_message_waits_in_the_queue_and_the_queue_says_why(service):
    send(service, "by-command@kairan.test", "wanted-by-command")
    request = waiting(service, "by-command@kairan.test")
    jobs = json.loads(service.kairan("queue", "list", "--json"))
    (job,) = [one for one in jobs if "by-command@kairan.test" in str(one["recipients"])]
    (why,) = json.loads(service.kairan("queue", "why", str(job["id"]), "--json"))
    assert (why["waiting"], why["key"]) == ("approval", "group-awaits-approval")
    service.kairan("queue", "retry", str(job["id"]))  # does not get round the moderator
    service.kairan("group", "moderation", "approve", str(request["id"]))
    service.wait_message(b"wanted-by-command", MEMBER)


def test_a_rejected_message_comes_back_to_its_sender(service):
    send(service, "rejected@kairan.test", "not-wanted")
    request = waiting(service, "rejected@kairan.test")
    service.kairan("group", "moderation", "reject", str(request["id"]))
    report = service.wait_message(b"rejected@kairan.test", READER)
    assert b"rejected by a moderator" in report
    assert not [m for m in service.messages(MEMBER) if b"not-wanted" in m]


def test_a_token_is_good_for_one_decision(service):
    send(service, "twice@kairan.test", "decided-once")
    token = asked(service, "twice@kairan.test")
    send(service, ANSWERS, f"approve [{token}]")
    service.wait_message(b"decided-once", MEMBER)
    send(service, ANSWERS, f"reject [{token}]")
    service.wait_message(b"decided about already", READER)


def test_a_forged_token_is_told_so_and_decides_nothing(service):
    send(service, ANSWERS, f"approve [{'a' * 16}-{'b' * 26}] forged-one")
    report = service.wait_message(b"forged-one", READER)
    assert b"No message waits for this answer" in report


def test_outside_its_window_the_message_waits_until_that_opens(service):
    send(service, "night@kairan.test", "at-night")

    def look():
        jobs = json.loads(service.kairan("queue", "list", "--json"))
        return next((j for j in jobs if "night@kairan.test" in str(j["recipients"])), None)

    job = wait_for(look, "the message in the queue")
    why = wait_for(
        lambda: [
            w
            for w in json.loads(service.kairan("queue", "why", str(look()["id"]), "--json"))
            if w["waiting"] == "window"
        ],
        f"the window as the reason of {job['id']}",
    )
    assert why[0]["next_try"].endswith("T00:00:00Z")


def test_a_hidden_list_is_an_unknown_address_to_who_may_not_write_to_it(service):
    with service.client().login() as client:
        answer = client.envelope("hidden@kairan.test")
        unknown = client.envelope("nobody-of-this-name@kairan.test")
    assert answer.split()[:2] == unknown.split()[:2] == ["550", "5.1.10"]


def test_a_list_s_copies_say_that_they_are(service):
    send(service, "copies@kairan.test", "as-a-copy")
    copy = service.wait_message(b"as-a-copy", MEMBER).decode()
    assert "List-Id: <copies.kairan.test>" in copy
    assert f"Reply-To: <{READER}>" in copy
    assert copy.count("Reply-To:") == 1
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in copy


def test_a_copy_of_a_large_message_is_whole(service):
    large = "\r\n".join(["0123456789" * 7] * 5_000)
    send(service, "copies@kairan.test", "large-as-a-copy", large)
    copy = service.wait_message(b"large-as-a-copy", MEMBER)
    assert b"List-Id: <copies.kairan.test>" in copy
    assert copy.count(b"0123456789" * 7) == 5_000


def deliverable(service) -> int:
    return sum(b"survives-a-kill" in message for message in service.messages(MEMBER))


def test_a_message_that_waits_outlives_kills_and_is_delivered_once(tmp_path):
    """Killed while it waits, and again right behind the approval."""
    group = "survives@kairan.test"
    with running_service(tmp_path) as service:
        with open_directory(tmp_path) as directory:
            directory.add_group(
                group, initial_members=[MEMBER], moderated=True, moderators=[MODERATOR]
            )
        service.wait_directory()
        send(service, group, "survives-a-kill")
        service.wait_message(f"Approval needed: {group}".encode(), MODERATOR)
        service.wait_event("MODERATE")
        service.kill()
    with running_service(tmp_path, install=False) as service:
        request = waiting(service, group)
        assert deliverable(service) == 0
        service.kairan("group", "moderation", "approve", str(request["id"]))
        service.kill()
    with running_service(tmp_path, install=False) as service:
        service.wait_message(b"survives-a-kill", MEMBER)
        service.wait_empty()
        assert deliverable(service) == 1
