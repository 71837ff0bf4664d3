"""What else the web process answers: the console, and what Prometheus and balancers ask."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from kairan.api.application import application
from kairan.api.process import mounted, opened
from kairan.config.read import load
from kit.live import USER, wait_for
from kit.ports import free_port


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


PROMETHEUS = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: kairan
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "kairan.rules.yml"


@pytest.fixture
def prometheus(api, tmp_path):
    """A real one, of this service and with our rules: a function that asks its HTTP API."""
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(port=api.port, rules=RULES))
    port = free_port()
    options = {
        "config.file": tmp_path / "prometheus.yml",
        "storage.tsdb.path": tmp_path / "data",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            ["prometheus", *(f"--{name}={value}" for name, value in options.items())],
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):

        def ask(place, **query):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/{place}", params=query)
            except httpx.TransportError:  # not up yet
                assert process.poll() is None, (tmp_path / "log").read_text()
                return None
            return answer.json()["data"] if answer.status_code == 200 else None

        yield ask
        process.terminate()


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: prometheus)"
)
def test_a_prometheus_scrapes_the_service_and_evaluates_the_rules(prometheus, api):
    def healthy():
        targets = (prometheus("targets") or {}).get("activeTargets", ())
        return [one for one in targets if one["health"] == "up"]

    (target,) = wait_for(healthy, "Prometheus to have scraped")
    assert target["lastError"] == ""

    def value(query):
        found = (prometheus("query", query=query) or {}).get("result")
        return float(found[0]["value"][1]) if found else None

    assert wait_for(lambda: value('up{job="kairan"}'), "its series") == 1
    assert value("kairan_accepting") == 1
    assert value("count(kairan_worker_up == 1)") == 2
    before = value("kairan_messages_accepted_total") or 0.0
    with api.service.client().login() as client:
        assert client.send(b"Subject: prometheus\r\n\r\nx", USER).startswith("250")
    wait_for(
        lambda: (value("kairan_messages_accepted_total") or 0.0) > before,
        "the message to be counted",
    )
    names = {one for one in prometheus("label/__name__/values") if one.startswith("kairan_")}
    assert names >= {"kairan_queue_oldest_age_seconds", "kairan_disk_free_bytes"}

    def evaluated():
        groups = (prometheus("rules") or {}).get("groups", ())
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else None

    rules = wait_for(evaluated, "every rule to be evaluated")
    assert {rule["name"] for rule in rules if rule["state"] == "firing"} <= {"KairanDiskFull"}
