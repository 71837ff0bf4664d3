"""The load generator: counts are exact, and what fails is not counted as sent."""

import json
import re
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench.load import Load, TargetListener, generate, held_sessions, parse_result


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("pipeline", [False, True])
@pytest.mark.parametrize("messages_per_session", [0, 1, 3])
def test_each_message_arrives_once_with_all_its_recipients(
    sink, pipeline, messages_per_session, apart
):
    load = Load(
        connections=4,
        messages=50,
        recipients=3,
        pipeline=pipeline,
        apart=apart,
        messages_per_session=messages_per_session,
    )
    result = generate(load, TargetListener(sink.port))
    assert (result.sent, result.failed) == (50, 0)
    counters = sink.counters()
    assert (counters.messages, counters.recipients) == (50, 150)


def test_one_message_per_session_opens_a_session_for_each(sink):
    load = Load(connections=2, messages=10, messages_per_session=1)
    result = generate(load, TargetListener(sink.port))
    assert result.sent == 10
    assert sink.counters().sessions == result.sessions >= 10


def test_time_ends_a_load_that_has_no_number(sink):
    result = generate(Load(connections=2, seconds=0.2), TargetListener(sink.port))
    assert result.sent == sink.counters().messages > 0
    assert result.failed == 0


def test_large_message_arrives_whole(sink):
    result = generate(Load(connections=3, messages=3, octets=2_000_000), TargetListener(sink.port))
    assert (result.sent, sink.counters().messages) == (3, 3)


@pytest.mark.parametrize("octets", [300, 301, 302, 378, 379, 380, 4096, 20_000])
def test_message_has_exactly_the_size_asked_for_and_only_crlf_ends_its_lines(
    programs, server, octets
):
    with server({}) as (port, texts):
        generate(Load(connections=1, messages=1, octets=octets), TargetListener(port))
    assert len(texts[0]) == octets
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", texts[0])
    assert max(len(line) for line in texts[0].split(b"\r\n")) <= 998


def test_no_two_messages_have_the_same_message_id_and_all_name_their_sender(programs, server):
    with server({}) as (port, texts):
        generate(Load(connections=3, messages=9, sender="a@b.test"), TargetListener(port))
    ids = [re.search(rb"^Message-ID: (.*)\r$", text, re.MULTILINE).group(1) for text in texts]
    assert len(set(ids)) == 9
    assert all(text.startswith(b"From: <a@b.test>\r\n") for text in texts)


@pytest.mark.parametrize("pipeline", [False, True])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_a_refused_message_counts_as_failed_and_says_where(programs, server, verb, pipeline):
    refusals = {verb: "554 5.7.0 no"}
    if pipeline and verb in {"MAIL", "RCPT"}:
        refusals["DATA"] = "554 5.5.1 no"  # RFC 2920 section 3.1: no valid recipient, no 354
    with server(refusals) as (port, _):
        result = generate(Load(connections=1, messages=4, pipeline=pipeline), TargetListener(port))
    assert (result.sent, result.failed) == (0, 4)
    where = "dot" if verb == "." else verb
    assert set(result.failures) == {f"{where}: 554 5.7.0 no"}


def test_a_server_that_refuses_everybody_does_not_keep_us(programs, server):
    with server({"EHLO": "421 4.3.2 not now"}) as (port, _):
        result = generate(Load(connections=2, messages=6), TargetListener(port))
    assert (result.sent, result.failed) == (0, 6)
    assert result.failures[0] == "EHLO: 421 4.3.2 not now"


def test_nobody_listening_is_a_failure_of_each_message(programs):
    result = generate(Load(connections=2, messages=6), TargetListener(1))
    assert (result.sent, result.failed) == (0, 6)
    assert result.failures[0] == "connecting: Connection refused"


def test_login_is_auth_plain(programs, server):
    with server({"AUTH": "535 5.7.3 no"}) as (port, _):
        result = generate(
            Load(connections=1, messages=1), TargetListener(port, user="u", password="p")
        )
    assert result.failures == ("AUTH: 535 5.7.3 no",)


def test_held_sessions_are_open_until_the_block_ends(sink):
    with held_sessions(TargetListener(sink.port), 20, timeout_seconds=30) as held:
        assert held == 20
        assert sink.counters().sessions == 20
    assert sink.counters().messages == 0


def test_result_is_read_from_the_last_line():
    result = parse_result(
        'held 3\n{"sent": 2, "failed": 1, "held": 3, "sessions": 3, "started": 1.5, '
        '"seconds": 2.0, "rate": 1.0, "p50_ms": 1, "p99_ms": 2, "max_ms": 3, '
        '"cpu_seconds": 0.5, "failures": ["MAIL: 451 \\u00e9"]}\n'
    )
    assert result.failures == ("MAIL: 451 é",)
    assert result.cpu_microseconds_per_message == 250_000


@pytest.mark.parametrize(
    "words", [[], ["--tls", "maybe", "h", "1"], ["127.0.0.1", "25"], ["--messages", "1", "--nope"]]
)
def test_wrong_use_is_said_and_nothing_is_sent(programs, words):
    done = subprocess.run([programs[0], *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "load:" in done.stderr


class Heard(ThreadingHTTPServer):
    """Answers POSTs as it is told; keeps what was sent."""

    daemon_threads = True

    def __init__(self, status=202, *, closes=False):
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status, self.closes, self.requests, self.connections = status, closes, [], 0


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        if self.server.closes:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextmanager
def heard(**options):
    with Heard(**options) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield (
                server,
                TargetListener(
                    server.server_port, user="a@b.test", password="secret", http="/v1/messages"
                ),
            )
        finally:
            server.shutdown()
            thread.join()


def test_by_http_each_message_is_posted_once_over_held_connections(programs):
    load = Load(connections=3, messages=20, octets=1_000, keys=True, recipient_range=4)
    with heard() as (server, listener):
        result = generate(load, listener)
    assert (result.sent, result.failed) == (20, 0)
    assert (len(server.requests), server.connections) == (20, 3)
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.requests}) == 20
    path, headers, document = server.requests[0]
    assert path == "/v1/messages"
    assert headers["Authorization"] == "Basic YUBiLnRlc3Q6c2VjcmV0"
    assert document["from"] == load.sender
    assert {one["to"][0] for _, _, one in server.requests} == {
        f"user{n}@bench.test" for n in range(4)
    }
    assert 700 < len(document["text"]) < 1_000
    assert max(map(len, document["text"].split("\n"))) < 80


def test_by_http_another_connection_follows_one_that_the_server_closes(programs):
    with heard(closes=True) as (server, listener):
        result = generate(Load(connections=2, messages=10), listener)
    assert (result.sent, result.failed) == (10, 0)
    assert server.connections == result.sessions >= 10


def test_by_http_what_is_refused_has_failed(programs):
    with heard(status=422) as (_, listener):
        result = generate(Load(connections=1, messages=3), listener)
    assert (result.sent, result.failed) == (0, 3)
    assert "422" in result.failures[0]
