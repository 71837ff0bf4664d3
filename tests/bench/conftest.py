"""The two C programs, and a server that answers as it is told."""

import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from bench.errors import BenchError
from bench.program import compiled
from bench.sink import Sink


@pytest.fixture
def programs():
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here: apt-get install gcc libc6-dev libssl-dev")
    try:
        return compiled("load"), compiled("sink")
    except BenchError as error:
        if "libssl-dev" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture
def sink(programs, tmp_path):
    running = Sink(tmp_path, "test")
    yield running
    running.stop()


class Answering(socketserver.StreamRequestHandler):
    """Says what `answer` gives for each command line; keeps the texts, commands and peers."""

    answer: Callable[[str], str]
    texts: list[bytes]
    commands: list[str]
    peers: set[str]

    def handle(self):
        self.peers.add(self.client_address[0])
        self.wfile.write(b"220 scripted\r\n")
        for line in self.rfile:
            self.commands.append(line.decode().strip())
            reply = type(self).answer(line.decode().strip())
            self.wfile.write(f"{reply}\r\n".encode())
            if reply.startswith("354"):
                self.take_text()
            if reply.startswith(("221", "421")):
                return

    def take_text(self):
        lines = iter(self.rfile.readline, b".\r\n")
        self.texts.append(b"".join(lines))
        self.wfile.write(f"{type(self).answer('.')}\r\n".encode())


@dataclass
class Heard:
    commands: list[str] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)


@contextmanager
def answering(
    answers: dict[str, str], heard: Heard | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A server on a free port: `answers` by verb, 250 for the rest.  Yields port and texts."""
    heard = heard or Heard()
    replies = {"DATA": "354 go on", "QUIT": "221 bye", **answers}
    texts: list[bytes] = []
    handler = type(
        "Handler",
        (Answering,),
        {
            "answer": staticmethod(lambda line: replies.get(line[:4].upper(), "250 ok")),
            "texts": texts,
            "commands": heard.commands,
            "peers": heard.peers,
        },
    )
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], texts
        finally:
            server.shutdown()


@pytest.fixture
def server():
    return answering


@pytest.fixture
def heard():
    return Heard()
