"""OpenTelemetry: spans of messages, sent to a real OTLP/HTTP receiver, and nobody who waits for it."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kairan.cli import sample
from kairan.trace.settings import OpenTelemetrySettings
from kairan.trace.spans import (
    KNOWN_MAX,
    MessageSpans,
    TraceParent,
    trace_id_of,
    traceparent_in,
)
from kit.live import USER, running_service, wait_for

GROUP = sample.address("all-hands")
PARENT_TRACE, PARENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Seen(NamedTuple):
    name: str
    trace: str
    span: str
    parent: str
    began: float
    ended: float
    attributes: dict[str, Any]
    status: int
    service: str


class Receiver(ThreadingHTTPServer):
    """An OTLP/HTTP collector; while `hangs` is set it answers nobody."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans, self.go_on = [], threading.Event()
        self.go_on.set()

    def of(self, message_id, count):
        def look():
            found = [s for s in self.spans if s.attributes["messaging.message.id"] == message_id]
            return found if len(found) >= count else None

        return {one.name: one for one in wait_for(look, f"{count} spans of {message_id}")}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.go_on.wait(60)
        assert self.path == "/v1/traces"
        assert self.headers["Content-Type"] == "application/x-protobuf"
        for of_resource in ExportTraceServiceRequest.FromString(octets).resource_spans:
            resource = {a.key: a.value.string_value for a in of_resource.resource.attributes}
            for scope in of_resource.scope_spans:
                self.server.spans += [_seen(one, resource["service.name"]) for one in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def _seen(span, service):
    attributes = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
    ids = (one.hex() for one in (span.trace_id, span.span_id, span.parent_span_id))
    times = (span.start_time_unix_nano / 1e9, span.end_time_unix_nano / 1e9)
    return Seen(span.name, *ids, *times, attributes, span.status.code, service)


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver
        receiver.go_on.set()
        receiver.shutdown()


@pytest.fixture(scope="module")
def service(receiver, tmp_path_factory):
    endpoint = f"http://127.0.0.1:{receiver.server_port}/v1/traces"
    settings = (
        f'\n[opentelemetry]\nenabled = true\nendpoint = "{endpoint}"\ntrust_traceparent = true\n'
    )
    with running_service(tmp_path_factory.mktemp("spans") / "k", settings=settings) as service:
        yield service


def send(service, message_id, recipient, header=""):
    content = f"Message-ID: {message_id}\r\n{header}Subject: spans\r\n\r\nx"
    with service.client().login() as client:
        assert client.send(content.encode(), recipient).startswith("250")


def test_a_message_to_a_list_is_received_expanded_and_delivered_in_one_trace(service, receiver):
    message_id = "<list-9101@kairan.test>"
    before = time.time()
    send(service, message_id, GROUP)
    seen = receiver.of(message_id, 3)
    assert set(seen) == {"receive", "expand", "deliver"}
    digest = hashlib.sha256(message_id.encode()).hexdigest()
    assert {one.trace for one in seen.values()} == {digest[:32]}
    assert {one.service for one in seen.values()} == {"kairan"}
    receive, expand, deliver = (seen[name] for name in ("receive", "expand", "deliver"))
    assert receive.parent == ""
    assert expand.parent == deliver.parent == receive.span
    assert before - 1 <= receive.began <= receive.ended <= expand.ended <= deliver.ended
    assert expand.began >= receive.ended - 0.001
    assert deliver.attributes["kairan.result"] == "delivered"
    assert deliver.attributes["kairan.recipients"] >= 1
    text = repr(receiver.spans)
    assert USER not in text  # a collector is for others to look at
    assert GROUP not in text


def test_a_trusted_traceparent_goes_on_with_its_trace(service, receiver):
    message_id = "<parent-9102@kairan.test>"
    send(service, message_id, USER, f"Traceparent: 00-{PARENT_TRACE}-{PARENT_SPAN}-01\r\n")
    seen = receiver.of(message_id, 2)
    assert {one.trace for one in seen.values()} == {PARENT_TRACE}
    assert seen["receive"].parent == PARENT_SPAN
    assert seen["deliver"].parent == seen["receive"].span


def test_a_collector_that_hangs_keeps_nobody_waiting(service, receiver):
    receiver.go_on.clear()
    try:
        send(service, "<hang-9103@kairan.test>", USER)
        time.sleep(1.5)  # the thread has begun its request by now, or will: either way nobody waits
        send(service, "<hang-9104@kairan.test>", USER)
        service.wait_message(b"hang-9104")
    finally:
        receiver.go_on.set()
    assert set(receiver.of("<hang-9104@kairan.test>", 2)) == {"receive", "deliver"}


HEADER = b"From: a@b.test\r\nTraceparent: %s\r\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"00-{PARENT_TRACE}-{PARENT_SPAN}-01", True),
        (f"00-{PARENT_TRACE}-{PARENT_SPAN}-00", False),
        (f"cc-{PARENT_TRACE}-{PARENT_SPAN}-01-what-comes-later", True),
        (f"ff-{PARENT_TRACE}-{PARENT_SPAN}-01", None),
        (f"00-{'0' * 32}-{PARENT_SPAN}-01", None),
        (f"00-{PARENT_TRACE}-{'0' * 16}-01", None),
        (f"00-{PARENT_TRACE.upper()}-{PARENT_SPAN}-01", None),
        (f"00-{PARENT_TRACE}-{PARENT_SPAN}", None),
        (f"00-{PARENT_TRACE}-{PARENT_SPAN}-01x", None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_the_w3c_writes_it(value, expected):
    found = traceparent_in(HEADER % value.encode())
    assert (found and found.is_sampled) is expected


class Exporter:
    """Takes spans, once it may."""

    def __init__(self):
        self.spans, self.may, self.fails = [], threading.Event(), 0

    def export(self, spans):
        self.may.wait(60)
        if self.fails:
            self.fails -= 1
            raise OSError("away")
        self.spans += spans

    def close(self):
        pass


def received(spans, message_id, parent=None):
    spans.received(10.0, message_id, seconds=0.5, parent=parent, recipients=1)


def test_what_finds_no_room_is_dropped_and_counted_at_once():
    exporter = Exporter()
    spans = MessageSpans(OpenTelemetrySettings(queue_spans_max=3), exporter)
    try:
        for number in range(2_000):
            received(spans, f"<{number}@k>")
        assert spans.dropped >= 2_000 - 3 - 512  # of which the thread may have taken a batch
    finally:
        exporter.may.set()
        spans.close()
    assert len(exporter.spans) + spans.dropped == 2_000


def test_a_collector_that_was_away_costs_its_spans_alone():
    exporter = Exporter()
    exporter.may.set()
    exporter.fails = 1
    spans = MessageSpans(OpenTelemetrySettings(), exporter)
    received(spans, "<lost@k>")
    wait_for(lambda: spans.dropped == 1, "the first spans to be lost")
    received(spans, "<kept@k>")
    spans.close()
    assert [one.message_id for one in exporter.spans] == ["<kept@k>"]


def test_a_part_of_the_traces_is_kept_and_each_whole():
    exporter = Exporter()
    exporter.may.set()
    spans = MessageSpans(OpenTelemetrySettings(sample_ratio=0.25), exporter)
    for number in range(1_000):
        received(spans, f"<{number}@k>")
        spans.happened(11.0, "DELIVER", f"<{number}@k>", recipients=1, reply="250")
    refused = TraceParent(trace_id_of("<x@k>"), 7, is_sampled=False)
    received(spans, "<x@k>", refused)
    spans.close()
    kept = [one.message_id for one in exporter.spans]
    assert 150 < len(set(kept)) < 350
    assert len(kept) == 2 * len(set(kept))
    assert "<x@k>" not in kept


def test_a_delivery_whose_receipt_is_forgotten_is_in_the_same_trace():
    exporter = Exporter()
    exporter.may.set()
    spans = MessageSpans(OpenTelemetrySettings(), exporter)
    spans.happened(11.0, "FAIL", "<old@k>", recipients=1, reply="550 5.1.1")
    spans.close()
    (span,) = exporter.spans
    assert (span.trace, span.parent) == (trace_id_of("<old@k>"), 0)
    assert KNOWN_MAX <= 20_000
