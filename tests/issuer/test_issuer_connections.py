"""What a connection to the issuer may cost, with short times."""

import asyncio
import socket
from contextlib import asynccontextmanager

import httpx
import pytest

from kairan.auth import AuthSettings
from kairan.issuer import server
from kairan.issuer.server import Site, _Server, _server_settings


@asynccontextmanager
async def listening(issuer, tmp_path):
    site = Site(issuer.settings, AuthSettings(), "", tmp_path, None, None)
    ready = asyncio.Event()
    web_server = _Server(_server_settings(site, issuer.web), ready.set)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        task = asyncio.create_task(web_server.serve(sockets=[sock]))
        await ready.wait()
        yield sock.getsockname()[1]
        web_server.should_exit = True
        await task


@pytest.mark.parametrize("first", [b"", b"GET /slow HTTP/1.1\r\n"])
async def test_who_says_nothing_is_put_out(issuer, tmp_path, monkeypatch, first):
    monkeypatch.setattr(server, "CONNECTION_SECONDS_MAX", 0.1)
    async with listening(issuer, tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        with pytest.raises((ConnectionError, EOFError)):
            await asyncio.wait_for(reader.readexactly(1), 30)
        writer.close()


async def test_too_many_at_once_are_told_so(issuer, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 2)
    async with listening(issuer, tmp_path) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{port}{issuer.places.path(issuer.places.jwks)}"
            assert (await client.get(url)).status_code == 503
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            while (await client.get(url)).status_code != 200:
                await asyncio.sleep(0.01)
