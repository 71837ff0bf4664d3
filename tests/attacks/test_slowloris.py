"""A thousand clients that are as slow as they can, while a quick one gets through."""

import contextlib
import selectors
import time

import pytest

from kit.live import PATIENCE_SECONDS, PAYROLL, Client, running_service

SLOW_EACH = 210
SETTINGS = """
[intake]
handshake_timeout_seconds = 2.0
command_timeout_seconds = 2.0
transaction_timeout_seconds = 3.0
"""
# What a slow client says once, and what it then drips for ever.
KINDS = {
    "command": ("device", b"", b"N"),
    "DATA": (
        "device",
        b"EHLO x\r\nMAIL FROM:<printer@kairan.test>\r\nRCPT TO:<user001@kairan.test>\r\nDATA\r\n",
        b"x",
    ),
    "TLS handshake": ("starttls", b"EHLO x\r\nSTARTTLS\r\n", b"\x16"),
    "PROXY header": ("proxy", b"", b"P"),
    "RSET for ever": ("device", b"EHLO x\r\n", b"RSET\r\n" * 10),
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("patient") / "k", settings=SETTINGS) as running:
        yield running


def open_slow_clients(service):
    slow = []
    for listener, beginning, drip in KINDS.values():
        for _ in range(SLOW_EACH):
            client = Client(service.port(listener), service.trust)
            if listener != "proxy":
                client.reply()
            client.say(beginning)
            slow.append((client, drip))
    return slow


def drip_until_all_are_gone(service, slow):
    """Every client drips every half second; a quick one sends meanwhile."""
    selector = selectors.DefaultSelector()
    for client, drip in slow:
        client.sock.setblocking(False)
        selector.register(client.sock, selectors.EVENT_READ, (client, drip))
    sent = 0
    deadline = time.monotonic() + 60
    while selector.get_map() and time.monotonic() < deadline:
        for key in list(selector.get_map().values()):
            with contextlib.suppress(OSError):
                key.fileobj.send(key.data[1])
        with service.client().login(PAYROLL) as quick:  # the slow ones stand for the printer
            assert quick.send(b"Subject: quick\r\n", sender=PAYROLL).startswith("250")
        sent += 1
        for key, _ in selector.select(0.5):
            if is_closed(key.fileobj):
                selector.unregister(key.fileobj)
    return sent, len(selector.get_map())


def is_closed(sock):
    try:
        return sock.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_all_of_them_are_sent_away_and_a_quick_one_gets_through(patient):
    slow = open_slow_clients(patient)
    assert len(slow) > 1_000
    sent, left = drip_until_all_are_gone(patient, slow)
    assert left == 0
    assert sent > 1
    for client, _ in slow:
        client.sock.close()


def test_who_is_silent_hears_why(patient):
    with patient.client("device") as client:
        assert client.reply().startswith("421 4.4.1 Connection timed out [mail.kairan.test")
        assert client.rest() == b""


def test_who_does_not_read_is_cut_off(patient):
    client = Client(patient.port("device"), patient.trust)
    client.say(b"EHLO x\r\n")
    client.sock.settimeout(0.2)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with client:
        while time.monotonic() < deadline:
            try:
                client.say(b"HELP\r\nRSET\r\nMAIL FROM:<nobody@kairan.test>\r\n" * 1_000)
            except TimeoutError:
                continue  # its windows are full: it waits for us to read
            except OSError:
                return
    pytest.fail("it may still talk")


def test_noop_earns_time_but_not_for_ever(patient):
    with patient.client("device") as client:
        for _ in range(8):  # longer than silence would have
            time.sleep(0.6)
            assert client.ask(b"NOOP") == "250 2.0.0 OK"
        answer = ""
        while not answer.startswith("421"):
            answer = client.ask(b"NOOP")
        assert answer.startswith("421 4.7.0 Too many commands without a message")
