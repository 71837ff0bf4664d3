"""What a connection to the issuer may cost, with short times."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from structlog.testing import capture_logs

from kairan.issuer.web.server import LIMITS
from kairan.web import server
from kairan.web.server import Addresses, WebLimits, WebPlace, _Server, server_settings


@asynccontextmanager
async def listening(issuer, limits=LIMITS):
    place, ready = WebPlace("127.0.0.1", None, None), asyncio.Event()
    web_server = _Server(server_settings(place, limits, issuer.web.application()), ready.set)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        task = asyncio.create_task(web_server.serve(sockets=[sock]))
        await ready.wait()
        yield sock.getsockname()[1]
        web_server.should_exit = True
        await task


@pytest.mark.parametrize("first", [b"", b"GET /slow HTTP/1.1\r\n"])
async def test_who_says_nothing_is_put_out(issuer, monkeypatch, first):
    monkeypatch.setattr(server, "CONNECTION_SECONDS_MAX", 0.1)
    async with listening(issuer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        with pytest.raises((ConnectionError, EOFError)):
            await asyncio.wait_for(reader.readexactly(1), 30)
        writer.close()


async def test_too_many_at_once_are_told_so(issuer):
    async with listening(issuer, WebLimits("x", 2, 20)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{port}{issuer.places.path(issuer.places.jwks)}"
            assert (await client.get(url)).status_code == 503
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            while (await client.get(url)).status_code != 200:
                await asyncio.sleep(0.01)


async def _keys_status(issuer, port, *, source):
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with httpx.AsyncClient(transport=transport) as client:
        url = f"http://127.0.0.1:{port}{issuer.places.path(issuer.places.jwks)}"
        try:
            return (await client.get(url)).status_code
        except httpx.TransportError:  # hung up on
            return 0


async def test_one_address_cannot_hold_all_places(issuer, monkeypatch):
    monkeypatch.setattr(server, "_REFUSED_SECONDS", 30.0)
    async with listening(issuer, WebLimits("x", 5, 2)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert await _keys_status(issuer, port, source="127.0.0.2") == 200
        # Beyond twice as many it is hung up on.
        hung_up = [reader for reader, _ in held[4:]]
        for reader in hung_up:
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 30) == b""
        # Those in between hear why.
        reader, writer = held[3]
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(30):
            while await _keys_status(issuer, port, source="127.0.0.1") != 200:
                await asyncio.sleep(0.01)


async def test_who_has_no_place_is_put_out_soon(issuer, monkeypatch):
    monkeypatch.setattr(server, "_REFUSED_SECONDS", 0.1)
    async with listening(issuer, WebLimits("x", 200, 1)) as port:
        _, first = await asyncio.open_connection("127.0.0.1", port)
        reader, second = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""
        for writer in (first, second):
            writer.close()


def test_addresses_without_connections_are_forgotten_and_floods_told_once():
    addresses = Addresses(WebLimits("x", 200, 1), lambda: 0.0)
    with capture_logs() as lines:
        assert [addresses.enter("192.0.2.1") for _ in range(3)] == [1, 2, 3]
    assert [line["event"] for line in lines] == ["web.crowded"]
    for _ in range(3):
        addresses.leave("192.0.2.1")
    assert not addresses._held
