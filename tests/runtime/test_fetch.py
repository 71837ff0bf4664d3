"""Small documents over HTTP: bounded, from where they were asked, and nowhere else."""

import gzip
import http.server
import threading
from contextlib import contextmanager

import pytest

from kairan.runtime.fetch import FetchError, HttpFetch
from peers.servers import make_certificate

OCTETS_MAX = 10_000


@contextmanager
def site(status=200, body=b"{}", tls=None, **headers):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme, name = "http", "127.0.0.1"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme, name = "https", "localhost"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{scheme}://{name}:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
async def fetch():
    async with HttpFetch(timeout_seconds=5.0, octets_max=OCTETS_MAX) as made:
        yield made


async def test_the_document_as_it_is(fetch):
    with site(body=b"x" * OCTETS_MAX) as (url, asked):
        assert await fetch(f"{url}/keys") == b"x" * OCTETS_MAX
        assert asked == ["/keys"]


async def test_a_redirect_is_not_followed(fetch):
    with site(302, Location="/elsewhere") as (url, asked):
        with pytest.raises(FetchError, match="answered 302"):
            await fetch(f"{url}/keys")
        assert asked == ["/keys"]


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_anything_but_200_is_no_document(fetch, status):
    with site(status, b"") as (url, _), pytest.raises(FetchError, match=f"answered {status}"):
        await fetch(url)


async def test_too_long_a_document_is_none(fetch):
    with site(body=b"x" * (OCTETS_MAX + 1)) as (url, _), pytest.raises(FetchError, match="longer"):
        await fetch(url)


async def test_nothing_is_unpacked_for_a_small_answer_could_become_a_large_one(fetch):
    bomb = gzip.compress(bytes(5_000_000))
    assert len(bomb) < OCTETS_MAX
    with site(body=bomb, Content_Encoding="gzip") as (url, _):
        assert await fetch(url) == bomb


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "gopher://127.0.0.1/", "", "x"])
async def test_what_cannot_be_reached_is_said_on_one_line(fetch, url):
    with pytest.raises(FetchError) as caught:
        await fetch(url)
    assert "\n" not in str(caught.value)


async def test_this_machine_is_asked_without_the_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with HttpFetch(timeout_seconds=5.0, octets_max=OCTETS_MAX) as fetch:
        with site() as (url, _):
            assert await fetch(url) == b"{}"


async def test_authorities_that_are_renewed_under_us_count(tmp_path, monkeypatch):
    ours = make_certificate(tmp_path, "localhost")
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other", "localhost")
    system = tmp_path / "system.pem"
    system.write_bytes(other.file.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    async with HttpFetch(timeout_seconds=5.0, octets_max=OCTETS_MAX) as fetch:
        with site(tls=ours.server_context()) as (url, _):
            with pytest.raises(FetchError, match="certificate verify failed"):
                await fetch(url)
            system.write_bytes(ours.file.read_bytes())
            assert await fetch(url) == b"{}"
