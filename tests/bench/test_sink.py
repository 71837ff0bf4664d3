"""The sink: counts every message however its bytes arrive."""

import socket
import time

import pytest

MESSAGE = (
    b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
    b"From: <a@b>\r\n\r\n..stuffed\r\n.x\r\n\r\n.\r\n"
)


def send(port, pieces):
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        for piece in pieces:
            client.sendall(piece)
        client.sendall(b"QUIT\r\n")
        heard = b""
        while data := client.recv(65536):
            heard += data
    return heard


@pytest.mark.parametrize("size", [1, 7, len(MESSAGE), 3 * len(MESSAGE)])
def test_counts_the_same_however_the_bytes_are_cut(sink, size):
    stream = MESSAGE * 3
    heard = send(sink.port, [stream[at : at + size] for at in range(0, len(stream), size)])
    assert heard.count(b"250 2.0.0 taken\r\n") == 3
    counters = sink.counters()
    assert (counters.messages, counters.recipients) == (3, 6)


def test_empty_text_is_a_message(sink):
    send(sink.port, [b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n"])
    assert sink.counters().messages == 1


def test_recipients_of_a_reset_transaction_do_not_count(sink):
    send(sink.port, [b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRSET\r\n", MESSAGE])
    assert sink.counters().recipients == 2


def test_last_arrival_is_on_the_clock_of_the_reader(sink):
    before = time.monotonic()
    send(sink.port, [MESSAGE])
    assert before <= sink.counters().last_seconds <= time.monotonic()


def test_a_frozen_sink_answers_when_it_is_thawed(sink):
    sink.freeze()
    with socket.create_connection(("127.0.0.1", sink.port), 5) as client:
        client.sendall(MESSAGE)
        assert not sink.wait_for_recipients(1, quiet_seconds=0.05)
        sink.thaw()
        assert sink.wait_for_recipients(2, quiet_seconds=5)
