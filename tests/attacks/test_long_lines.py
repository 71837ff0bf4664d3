"""Lines without end, in commands, header and body; memory stays flat."""

import pytest

from kit.live import wait_for

LADDER = [500, 512, 998, 2_000]
MIB = 1024 * 1024
# What a worker may hold beside what it held before: read-ahead, one header, malloc's slack.
MEMORY_KIB_MAX = 24 * 1024


@pytest.mark.parametrize("octets", LADDER)
def test_command_lines_up_to_2_kb_are_read(service, octets):
    with service.client("device") as client:
        assert client.ask(b"NOOP " + b"x" * (octets - 5)) == "250 2.0.0 OK"


@pytest.mark.parametrize("octets", [2_100, 12_000, 13_000, 100_000, 10 * MIB])
def test_longer_ones_are_answered_once(service, octets):
    with service.client("device") as client:
        answer = client.ask(b"NOOP " + b"x" * octets)
        assert answer.startswith("500 5.5.2 Line too long")
        assert client.in_step()


def test_an_auth_line_over_12_kb_has_its_own_code(service):
    with service.client() as client:
        client.ask(b"AUTH PLAIN")
        assert client.ask(b"A" * MIB).startswith("500 5.5.6")
        assert client.in_step()


@pytest.mark.parametrize("octets", [998, 10_000, 9 * MIB])
def test_body_lines_of_any_length_arrive_as_they_are(service, octets):
    marker = b"long-line-%d" % octets
    with service.client("device") as client:
        content = b"Subject: " + marker + b"\r\n\r\n" + b"y" * octets
        assert client.send(content).startswith("250 2.6.0")
    assert b"y" * octets in service.wait_message(marker)


def test_a_header_line_that_never_ends_is_refused_at_its_bound(service):
    with service.client("device") as client:
        answer = client.send(b"Subject: " + b"x" * (9 * MIB) + b"\r\n\r\nbody")
        assert answer.startswith("552 5.3.4 Message header size exceeds fixed maximum size")
        assert client.in_step()


def test_a_header_of_very_many_fields_is_refused_at_its_bound(service):
    with service.client("device") as client:
        answer = client.send(b"A: b\r\n" * 200_000 + b"\r\nbody")
        assert answer.startswith("552 5.3.4")
        assert client.in_step()


def test_memory_stays_flat(service):
    before = service.worker_memory_kib()
    clients = [service.client("device") for _ in range(8)]
    for client in clients:
        client.begin()
        client.say(b"Subject: flat\r\n\r\n" + b"z" * (9 * MIB))
        client.say(b"z" * 100)
    for client in clients:
        client.sock.close()
    with service.client("device") as client:
        for _ in range(4):
            client.say(b"x" * (10 * MIB) + b"\r\n")
            client.reply()
    wait_for(
        lambda: service.worker_memory_kib() - before < MEMORY_KIB_MAX,
        f"memory of the workers below {before + MEMORY_KIB_MAX} KiB",
    )
