"""A real service is scraped: what it counts, how long it takes, and who does not answer."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from kairan.config.read import load
from kairan.intake.draining import DrainOrder, begin_drain, end_drain
from kairan.metrics.families import FAMILIES
from kairan.metrics.web import routes
from kit.live import PRINTER, USER, running_service, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("metrics") / "k", workers=2) as running:
        yield running
        assert "Traceback" not in "".join(running.log)


@pytest.fixture(scope="module")
def app(service):
    parts = SimpleNamespace(configuration=load(service.place / "kairan.toml"))
    return Starlette(routes=routes(parts))


def get(app, path, **headers):
    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://k") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def scraped(app):
    found = {}
    for family in text_string_to_metric_families(get(app, "/metrics").text):
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def soon(app, condition, what):
    def look():
        found = scraped(app)
        return found if condition(found) else None

    return wait_for(look, what)


def whole(found):
    return ("kairan_queue_messages",) in found and ("kairan_worker_up", "1") in found


def test_all_that_the_table_names_is_scraped_and_nothing_else(app):
    found = soon(app, whole, "a whole scrape")
    with_labels_of_their_own = {
        "kairan_refusals_total",
        "kairan_destination_jobs",
        "kairan_destination_oldest_age_seconds",
        "kairan_destination_up",
        *(name for name in FAMILIES if name.startswith("kairan_webhook_")),
    }
    names = {name for name, *_ in found}
    assert names <= FAMILIES.keys()
    assert FAMILIES.keys() - names <= with_labels_of_their_own


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say_about_a_scrape(app):
    soon(app, whole, "a whole scrape")
    text = get(app, "/metrics").text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_format_is_the_one_that_was_asked_for(app):
    assert get(app, "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = "application/openmetrics-text;version=1.0.0"
    answer = get(app, "/metrics", accept=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_a_message_its_recipients_octets_account_login_and_refusal_are_counted(service, app):
    before = soon(app, whole, "a whole scrape")

    def more(found, *key):
        return found.get(key, 0) - before.get(key, 0)

    with service.client().login(PRINTER) as client:
        client.send(b"Subject: metrics-one\r\n\r\nx", USER)
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("250")
        assert client.ask(b"RCPT TO:<nobody-at-all@kairan.test>").startswith("550 5.1.10")
    found = soon(
        app,
        lambda found: (
            more(found, "kairan_recipients_delivered_total") >= 1
            and more(found, "kairan_messages_accepted_total") >= 1
        ),
        "the message to be counted",
    )
    assert more(found, "kairan_recipients_accepted_total") >= 1
    assert more(found, "kairan_accepted_bytes_total") > 20
    assert more(found, "kairan_account_messages_accepted_total", PRINTER) >= 1
    assert more(found, "kairan_logins_total") >= 1
    assert more(found, "kairan_sessions_opened_total") >= 1
    assert more(found, "kairan_refusals_total", "recipient-unknown") >= 1


def test_a_login_that_is_refused_is_counted(service, app):
    before = scraped(app).get(("kairan_logins_refused_total",), 0)
    with service.client() as client:
        assert not client.auth(PRINTER, "wrong").startswith("235")
    soon(
        app,
        lambda found: found["kairan_logins_refused_total",] >= before + 1,
        "the refused login to be counted",
    )


def test_a_service_that_is_well_is_ready(app):
    def ready():
        answer = get(app, "/readyz")
        return answer if answer.status_code == 200 else None

    assert wait_for(ready, "ready").json() == {"status": "ready", "not_ready": []}
    assert get(app, "/livez").json() == {"status": "alive"}
    assert get(app, "/readyz").headers["cache-control"] == "no-store"


def test_nothing_is_changed_by_asking(app):
    async def post():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://k") as client:
            return [(await client.post(p)).status_code for p in ("/metrics", "/livez", "/readyz")]

    assert asyncio.run(post()) == [405, 405, 405]


def test_a_frozen_worker_is_said_not_waited_for_and_takes_no_count_away(service, app):
    before = soon(app, whole, "a whole scrape")
    frozen = service.workers()[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        found = soon(
            app,
            lambda found: 0.0 in {found.get(("kairan_worker_up", n)) for n in "01"},
            "a worker to be silent",
        )
        assert found["kairan_accepting",] == 0
        for name in ("kairan_messages_accepted_total", "kairan_sessions_opened_total"):
            assert found[name,] >= before[name,]
        answer = get(app, "/readyz")
        assert answer.status_code == 503
        assert any("does not answer" in why for why in answer.json()["not_ready"])
    finally:
        os.kill(frozen, signal.SIGCONT)
    wait_for(lambda: get(app, "/readyz").status_code == 200, "ready again")


def test_a_worker_that_is_killed_takes_no_count_away_and_its_start_changes(service, app):
    before = soon(app, whole, "a whole scrape")
    key = "kairan_worker_start_time_seconds"
    os.kill(service.workers()[0], signal.SIGKILL)
    found = soon(
        app,
        lambda found: (
            whole(found) and [found.get((key, n)) for n in "01"] != [before[key, n] for n in "01"]
        ),
        "the worker's successor",
    )
    for name in ("kairan_messages_accepted_total", "kairan_sessions_opened_total"):
        assert found[name,] >= before[name,]
    wait_for(lambda: get(app, "/readyz").status_code == 200, "ready again")


def test_a_drain_is_not_ready_and_says_so(service, app):
    file = load(service.place / "kairan.toml").drain_file
    begin_drain(file, DrainOrder(by="test"))
    try:
        answer = wait_for(
            lambda: next((a for a in [get(app, "/readyz")] if a.status_code == 503), None), "drain"
        )
        assert "it is being drained" in answer.json()["not_ready"]
        soon(app, lambda found: found["kairan_draining",] == 1, "the drain in a scrape")
    finally:
        end_drain(file)
    wait_for(lambda: get(app, "/readyz").status_code == 200, "ready again")


def test_a_loop_goes_on_while_workers_that_stand_still_are_asked(service, app):
    """The answer itself is measured where nothing else runs; here: that nobody waits for it."""

    async def ticks_while_asking():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://k") as client:
            asking = asyncio.ensure_future(client.get("/readyz"))
            ticks = 0
            while not asking.done():
                await asyncio.sleep(0.005)
                ticks += 1
            return ticks, (await asking).status_code

    time.sleep(0.6)  # so that no answer of before is shared
    with service.frozen():
        ticks, status = asyncio.run(ticks_while_asking())
    assert status == 503
    assert ticks >= 5
    wait_for(lambda: get(app, "/readyz").status_code == 200, "ready again")


def test_without_a_service_it_lives_and_is_not_ready(service, tmp_path):
    text = (service.place / "kairan.toml").read_text()
    for name in ("tls", "secrets"):
        if (service.place / name).is_dir():
            shutil.copytree(service.place / name, tmp_path / name)
    (tmp_path / "kairan.toml").write_text(text)
    parts = SimpleNamespace(configuration=load(tmp_path / "kairan.toml"))
    app = Starlette(routes=routes(parts))
    assert get(app, "/livez").status_code == 200
    answer = get(app, "/readyz")
    assert answer.status_code == 503
    assert "no worker answers" in answer.json()["not_ready"][0]
    assert scraped(app)["kairan_accepting",] == 0
