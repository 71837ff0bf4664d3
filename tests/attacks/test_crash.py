"""Killed between 250 and mailbox: nothing is lost, duplicates only of what was on its way.

The kill in all moments, again and again, is tests/promises.
"""

from collections import Counter

from kit.live import running_service, wait_for

COUNT = 40


def subjects(service):
    return Counter(
        line.removeprefix(b"Subject: crash-").rstrip(b"\r")
        for message in service.messages()
        for line in message.split(b"\n")
        if line.startswith(b"Subject: crash-")
    )


def test_what_was_promised_a_moment_before_the_kill_arrives_after_it(tmp_path):
    place = tmp_path / "k"
    with running_service(place) as service:
        with service.client("device") as client:
            for number in range(COUNT):
                answer = client.send(b"Subject: crash-%d\r\n\r\nx" % number)
                assert answer.startswith("250")
        service.kill()
        before = subjects(service)
    with running_service(place, install=False) as service:
        wait_for(lambda: len(subjects(service)) == COUNT, f"all {COUNT} messages")
        service.wait_empty()
        after = subjects(service)
    doubled = {name for name, count in after.items() if count > 1}
    assert doubled <= set(before), "only what had been written may be written again"
    assert max(after.values()) <= 2


def test_a_message_without_its_250_is_all_or_nothing(tmp_path):
    place = tmp_path / "k"
    with running_service(place) as service:
        client = service.client("device")
        client.begin()
        client.say(b"Subject: crash-half\r\n\r\nx\r\n")
        service.kill()
        client.sock.close()
    with running_service(place, install=False) as service:
        with service.client("device") as client:
            assert client.send(b"Subject: crash-whole\r\n\r\nx").startswith("250")
        service.wait_message(b"crash-whole")
        service.wait_empty()
        assert subjects(service) == {b"whole": 1}
