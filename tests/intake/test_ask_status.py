"""All workers are asked for a status at once, and one that stands still is said."""

import json
import socket
import threading
import time

import pytest

from kairan.intake.control import ControlUnavailableError, ask_status


def bound(folder, number):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(folder / f"worker-{number}.sock"))
    sock.listen()
    return sock


def answering(sock, *lines):
    def serve():
        connection, _ = sock.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    threading.Thread(target=serve, daemon=True).start()


def test_those_that_answer_are_heard_and_those_that_do_not_are_said(tmp_path):
    with bound(tmp_path, 0) as well, bound(tmp_path, 1), bound(tmp_path, 2) as cut_short:
        bound(tmp_path, 3).close()  # of a worker that is no more
        answering(well, {"number": 0}, {"found": 1})
        answering(cut_short, {"number": 2})
        found = ask_status(tmp_path, seconds=0.5)
    assert found.reports == [{"number": 0}]
    assert found.silent.keys() == {1, 2}
    assert "timed out" in found.silent[1]
    assert "broke off" in found.silent[2]


def test_many_that_stand_still_cost_no_more_than_one(tmp_path):
    silent = [bound(tmp_path, number) for number in range(12)]
    began = time.monotonic()
    found = ask_status(tmp_path, seconds=1.0)
    assert time.monotonic() - began < 8.0
    assert len(found.silent) == 12
    for sock in silent:
        sock.close()


def test_where_nobody_is_it_says_so(tmp_path):
    with pytest.raises(ControlUnavailableError, match="is the service running"):
        ask_status(tmp_path, seconds=0.5)
