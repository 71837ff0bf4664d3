"""What else the web process answers: the console, and what Prometheus and balancers ask."""

import asyncio

import httpx
import pytest

from kairan.api.application import application
from kairan.api.process import mounted, opened
from kairan.config.read import load


def test_the_console_is_at_the_same_port(api):
    with api.anonymous() as client:
        first = client.get("/console/", follow_redirects=True)
    assert first.status_code == 200
    assert first.url.path == "/console/sign-in"
    assert "default-src 'none'" in first.headers["content-security-policy"]


def test_prometheus_on_this_machine_and_a_balancer_are_answered(api):
    with api.anonymous() as client:
        assert "\nkairan_" in client.get("/metrics").text
        assert client.get("/livez").json() == {"status": "alive"}
        assert client.get("/readyz").json()["status"] == "ready"


@pytest.fixture
def ask_from(api, keys):
    """An answer of the same application to somebody elsewhere."""

    def ask(address, key=""):
        async def answer(parts):
            web = application(parts, mounted(parts))
            transport = httpx.ASGITransport(web, client=(address, 40_000))
            headers = {"Authorization": f"Bearer {keys[key]}"} if key else {}
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.get("/metrics", headers=headers)

        with opened(load(api.service.place / "kairan.toml")) as parts:
            return asyncio.run(answer(parts))

    return ask


@pytest.mark.parametrize(("key", "status"), [("", 401), ("read", 200)])
def test_who_is_elsewhere_needs_a_key_to_see_the_numbers(ask_from, key, status):
    assert ask_from("192.0.2.1", key).status_code == status
