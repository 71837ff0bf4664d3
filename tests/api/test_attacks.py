"""Attacks on the HTTP API that are of HTTP's making: slow bodies, a host that is not ours, large and odd requests."""

import asyncio

import httpx
import pytest

from kairan.api import bodies
from kairan.api.application import application
from kairan.api.process import mounted, opened
from kairan.config.read import load
from kit.live import PASSWORD, PRINTER


@pytest.fixture
def asked(api, monkeypatch):
    """The same application, where a body has a tenth of a second to come."""
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.1)

    def ask(method, path, **request):
        async def answer(parts):
            web = application(parts, mounted(parts))
            transport = httpx.ASGITransport(web, client=("192.0.2.9", 40_000))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.request(method, path, **request)

        with opened(load(api.service.place / "kairan.toml")) as parts:
            found = asyncio.run(answer(parts))
            assert parts.bodies.free == bodies.OCTETS_MAX, "its place is free again"
            return found

    return ask


async def one_octet_and_no_more():
    yield b"{"
    await asyncio.sleep(30)


async def an_octet_at_a_time():
    while True:
        yield b" "
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("body", [one_octet_and_no_more, an_octet_at_a_time])
@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("POST", "/v1/messages", ""),
        ("POST", "/v1/queue/hold", "operate"),
        ("POST", "/v1/accounts", "admin"),
        ("PATCH", f"/v1/accounts/{PRINTER}", "admin"),
        ("POST", "/v1/doctor/explain", "read"),
    ],
)
def test_a_body_that_comes_too_slowly_is_408_and_gives_its_place_back(
    asked, keys, method, path, key, body
):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {keys[key]}"
    auth = None if key else (PRINTER, PASSWORD)
    answer = asked(method, path, content=body(), headers=headers, auth=auth)
    assert answer.status_code == 408
    assert answer.json()["key"] == "api-too-slow"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8025", "evil.example/x", "a@evil"])
@pytest.mark.parametrize(
    "path",
    ["/openapi.json", "/console", "/console/", "/v1/nothing", "/v1/accounts/", "//evil.example/"],
)
def test_no_answer_repeats_the_host_that_a_client_names(api, path, host):
    with api.anonymous() as client:
        request = httpx.Request("GET", f"{api.url}{path}", headers={"Host": host})
        answer = client.send(request)
    assert "evil" not in answer.text
    assert "evil" not in str(answer.headers)
    assert answer.headers.get("location", "/").startswith("/")
    assert not answer.headers.get("location", "/").startswith("//")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_client_is_not_believed_about_its_address(asked, keys, header):
    """Metrics are open to this machine alone."""
    answer = asked("GET", "/metrics", headers={header: "127.0.0.1"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/queue/hold", "/v1/doctor/token"])
def test_a_body_beyond_its_bound_is_not_read(api, keys, path):
    with api.operator(keys["admin"]) as client:
        answer = client.post(path, content=b"[" * 3_000_000)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "octets",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"address": "\\ud800@a.example"}', b"[" * 9_999],
)
def test_what_is_no_document_is_422(api, keys, octets):
    with api.operator(keys["admin"]) as client:
        answer = client.post("/v1/accounts", content=octets)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/v1/queue/..%2f..%2fetc%2fpasswd",
        "/v1/accounts/..%2f..%2fetc",
        "/v1/apps/%2e%2e",
        "/v1/messages/..%2f..%2f..%2fetc%2fpasswd",
        "/console/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    ],
)
def test_a_path_leads_to_no_file(api, keys, path):
    with api.operator(keys["admin"]) as client:
        answer = client.get(path)
    assert answer.status_code in {404, 422}
    assert "root:" not in answer.text
