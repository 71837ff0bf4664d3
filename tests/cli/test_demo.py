"""kairan demo: what scripts rely on, by the real program."""

import base64
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kairan.cli import sample
from kairan.cli.demo import _free_port
from kairan.config.read import load
from kairan.directory.store import Directory

KAIRAN = Path(sys.executable).with_name("kairan")
SECONDS_MAX = 60  # until it is ready, on a machine with much else to do


@contextmanager
def demo(place: Path, *words: str):
    """Runs until the block ends; gives the lines up to "ready"."""
    with (place.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [KAIRAN, "demo", "--dir", place, *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        yield next(line for line in process.stdout if "ready" in line)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 0, (place.parent / "log").read_text()


def read(place: Path):
    return json.loads((place / "demo.json").read_text())


def send(description, account: int, subject: str, *, to: str) -> None:
    context = ssl.create_default_context(cafile=description["ca_file"])
    user = description["accounts"][account]
    with smtplib.SMTP(description["smtp_host"], description["smtp_port"], timeout=30) as client:
        client.starttls(context=context)
        client.login(user["address"], user["password"])
        text = f"From: {user['address']}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello.\r\n"
        client.sendmail(user["address"], [to], text)


def wait_delivered(description, address: str, count: int) -> list[str]:
    folder = Path(description["maildir"]) / address / "new"
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        found = list(folder.glob("*"))
        if len(found) >= count:
            return [path.read_text() for path in found]
        time.sleep(0.05)
    pytest.fail(f"{address} has not got {count}")


def token_of(description):
    oauth = description["oauth"]
    form = {name: oauth[name] for name in ("client_id", "client_secret", "scope")}
    answer = httpx.post(oauth["token_url"], data={"grant_type": "client_credentials", **form})
    return answer.json()["access_token"]


def token_login(description, account, token):
    initial = base64.b64encode(f"user={account}\1auth=Bearer {token}\1\1".encode())
    host, port = description["smtp_host"], description["smtp_port"]
    with smtplib.SMTP(host, port, timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=description["ca_file"]))
        client.ehlo()
        return client.docmd("AUTH", f"XOAUTH2 {initial.decode()}")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A demo that has run once, sent one message and stopped."""
    place = tmp_path_factory.mktemp("demo") / "d"
    with demo(place, "--smtp-port", "0") as ready:
        description = read(place)
        assert f"{description['smtp_host']}:{description['smtp_port']}" in ready
        send(description, 0, "First", to=description["groups"][0])
        wait_delivered(description, "user200@kairan.test", 1)
    return place


def test_demo_json_holds_what_scripts_rely_on(place):
    description = read(place)
    assert list(description) == [
        "smtp_host",
        "smtp_port",
        "ca_file",
        "domain",
        "maildir",
        "accounts",
        "groups",
        "oauth",
        "http_url",
        "api_key",
        "console",
    ]
    assert description["domain"] == "kairan.test"
    assert description["maildir"] == str(place / "maildir")
    assert [account["address"] for account in description["accounts"]] == [
        "printer@kairan.test",
        "payroll@kairan.test",
    ]
    assert all(account["password"] and account["aliases"] for account in description["accounts"])
    assert description["groups"][0] == "all-hands@kairan.test"


def test_demo_json_holds_passwords_so_it_is_its_owners(place):
    assert stat.S_IMODE((place / "demo.json").stat().st_mode) == 0o600


def test_the_organisation_is_the_documented_one(place):
    with Directory.open(load(place / "kairan.toml").directory_url) as directory:
        people = {one.address: one.attributes for one in directory.mailboxes()}
        groups = {
            group.address: sum(map(len, directory.members(group.address)))
            for group in directory.groups()
        }
    assert people.pop("postmaster@kairan.test") == {}
    assert people == {sample.user(n): sample.attributes(n) for n in range(1, 201)}
    assert groups["all-hands@kairan.test"] == 200
    assert groups["sales@kairan.test"] == 40
    assert groups["tokyo@kairan.test"] == 50
    assert groups["west@kairan.test"] == 3
    assert set(groups) == set(read(place)["groups"])


def test_started_again_it_goes_on_with_what_is_there(place):
    before = read(place)
    with demo(place, "--smtp-port", "0"):
        description = read(place)
        assert description["accounts"] == before["accounts"]
        assert description["oauth"] == before["oauth"]
        for account in description["accounts"]:
            assert token_login(description, account["address"], token_of(description))[0] == 235
        send(description, 1, "Second", to="user200@kairan.test")
        texts = wait_delivered(description, "user200@kairan.test", 2)
    assert ["First" in text for text in texts].count(True) == 1


def test_a_lost_demo_json_costs_new_passwords_only(place):
    (place / "demo.json").unlink()
    with demo(place, "--smtp-port", "0"):
        description = read(place)
        assert token_of(description)
        send(description, 0, "Third", to="user001@kairan.test")
        wait_delivered(description, "user001@kairan.test", 2)


def test_the_port_that_was_asked_for_is_the_one(place):
    port = _free_port(())
    with demo(place, "--smtp-port", str(port)):
        assert read(place)["smtp_port"] == port


def test_a_taken_port_that_was_asked_for_is_an_error(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [KAIRAN, "demo", "--dir", place, "--smtp-port", port],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
    assert done.returncode == 2
    assert f"kairan: cannot listen on 127.0.0.1 port {port}" in done.stderr


def test_without_a_wish_a_taken_port_is_passed_over():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert _free_port((port,)) not in {port, 0}


def test_a_change_by_a_command_reaches_the_running_service(place):
    with demo(place, "--smtp-port", "0"):
        description = read(place)
        settings = place / "kairan.toml"
        address = f"new{os.getpid()}@kairan.test"
        words = ["account", "add", address, "--generate", "--json", "-c", settings]
        done = subprocess.run([KAIRAN, *words], capture_output=True, check=True)
        description["accounts"] = [json.loads(done.stdout)]
        deadline = time.monotonic() + SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                send(description, 0, "Newcomer", to="user004@kairan.test")
                break
            except smtplib.SMTPAuthenticationError:
                time.sleep(0.5)
        assert "Newcomer" in "".join(wait_delivered(description, "user004@kairan.test", 2))


def test_every_combination_of_attributes_occurs():
    combinations = {
        (a["department"], a["stateOrProvince"], a["customAttribute1"])
        for a in map(sample.attributes, range(1, 201))
    }
    assert len(combinations) == 5 * 4 * 3


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (make peers)")
def test_what_the_demo_prints_for_curl_runs(place):
    """The command is taken from the text itself."""
    with demo(place, "--smtp-port", "0"):
        from kairan.cli.demo import _ready_text

        text = _ready_text(read(place))
        command = text[text.index("  printf") : text.index("\n\nIt arrives")]
        done = subprocess.run(
            command.replace("all-hands", "user003"),
            shell=True,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert done.returncode == 0, done.stderr
        wait_delivered(read(place), "user003@kairan.test", 2)
