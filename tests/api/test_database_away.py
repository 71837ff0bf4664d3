"""Two databases hold the queue, and one of them is away: what the other has is shown, by every way."""

import subprocess
import sys

import pytest

from kit.api import Api, made_keys
from kit.live import PRINTER, USER, running_service, wait_for
from kit.ports import free_port

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def away_port():
    return free_port()


@pytest.fixture(scope="module")
def api(postgresql, tmp_path_factory, away_port):
    """A service that was started while it was away, with a message that waits in the other."""
    port = free_port()
    urls = [
        f"postgresql://kairan@127.0.0.1:{away_port}/gone",
        postgresql.new_database().replace("+pg8000", ""),
    ]
    settings = f'\n[api]\nenabled = true\nport = {port}\n[spool]\nurl = {urls}\ndurability = "os"\n'
    routes = {"*": f"smtp://127.0.0.1:{free_port()}?tls=none"}
    place = tmp_path_factory.mktemp("away")
    with running_service(place, settings=settings, routes=routes, workers=1) as service:
        found = Api(service, port)
        with found.client() as client:
            answer = client.post("/v1/messages", json={"from": PRINTER, "to": [USER]})
        assert answer.status_code == 202, answer.text
        yield found


@pytest.fixture(scope="module")
def operator(api):
    with api.operator(made_keys(api.service)["operate"]) as client:
        yield client


@pytest.fixture
def job(operator):
    (one,) = wait_for(lambda: operator.get("/v1/queue").json()["jobs"], "the job")
    return one["id"]


def test_the_api_lists_what_is_there_and_names_what_is_not(operator, job, away_port):
    page = operator.get("/v1/queue").json()
    assert job.startswith("1001-")
    (sentence,) = page["unseen"]
    assert f"127.0.0.1:{away_port}/gone: no server answers" in sentence


def test_the_api_counts_what_is_there(operator, job, away_port):
    numbers = operator.get("/v1/queue-numbers").json()
    assert numbers["messages"] == 1
    assert str(away_port) in numbers["unseen"][0]


def test_what_is_there_is_shown_and_acted_on(operator, job):
    assert operator.get(f"/v1/queue/{job}").json()["jobs"][0]["id"] == job
    assert operator.post("/v1/queue/hold", json={"ids": [job]}).json()["jobs"] == 1
    assert operator.post("/v1/queue/release", json={"ids": [job]}).json()["jobs"] == 1


def test_what_may_be_in_the_other_is_neither_found_nor_said_to_be_gone(operator, away_port):
    answer = operator.get("/v1/queue/1000-1")
    assert (answer.status_code, str(away_port) in answer.json()["detail"]) == (503, True)
    everything = {"everything": True, "at_most": 100}
    answer = operator.post("/v1/queue/hold", json=everything)
    assert (answer.status_code, str(away_port) in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    "words",
    [("list",), ("list", "--json"), ("stats",), ("stats", "--json")],
    ids=" ".join,
)
def test_commands_show_what_is_there_and_end_with_what_is_not(api, job, words, away_port):
    done = subprocess.run(
        [sys.executable, "-m", "kairan", "queue", *words, "-c", api.service.place / "kairan.toml"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert (job if words[0] == "list" else "messages") in done.stdout
    assert f"127.0.0.1:{away_port}/gone: no server answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_counts_what_is_there(api, job, away_port):
    shown = api.service.kairan("status", "--json")
    assert '"messages": 1' in shown
    assert f"{away_port}/gone" in shown
