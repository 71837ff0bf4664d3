"""kairan demo where things are not as on a developer's own machine."""

import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from kairan.testing import running_demo
from kit.terminal import on_terminal, plain_text

KAIRAN = Path(sys.executable).with_name("kairan")
SECONDS_MAX = 60
# A user namespace: no right of root's, whoever runs the tests.
AS_NOBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
# A network of its own, in which the kernel has no IPv6.
WITHOUT_IPV6 = (
    "unshare",
    "--net",
    "sh",
    "-c",
    'ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1; exec "$@"',
    "sh",
)


def works(*words: str) -> bool:
    try:
        return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(
    not works(*AS_NOBODY), reason="needs unshare(1) and user namespaces"
)
needs_root = pytest.mark.skipif(not works(*WITHOUT_IPV6), reason="needs root, ip(8) and sysctl(8)")


@contextmanager
def demo(place: Path, *words: str, before: tuple[str, ...] = (), columns: int = 80, **changes: str):
    """What stands on the terminal when it is ready; ended with Ctrl-C."""
    command = (*before, KAIRAN, "demo", "--dir", place.name, *words)
    with on_terminal(command, columns=columns, folder=place.parent, environment=changes) as (
        process,
        ours,
    ):
        octets = b""
        while b"event=service.ready" not in octets:
            octets += os.read(ours, 65_536)
        try:
            yield plain_text(octets)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS_MAX) == 0


def refused(place: Path, *before: str) -> str:
    done = subprocess.run(
        [*before, KAIRAN, "demo", "--dir", place],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 2, done
    return the_sentence(done.stderr)


def the_sentence(said: str) -> str:
    """Beside it the log may tell that the service began."""
    (sentence,) = (line for line in said.splitlines() if not line.startswith("time="))
    return sentence


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("places") / "demo") as running:
        yield running


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_second_one_says_at_once_which_process_has_the_data(running, command):
    where = ("--dir", running.directory) if command == "demo" else ("-c", running.configuration)
    before = (running.directory / "demo.json").read_bytes()
    done = subprocess.run(
        [KAIRAN, command, *where], capture_output=True, text=True, check=False, timeout=SECONDS_MAX
    )
    assert (done.returncode, done.stdout) == (2, "")
    sentence = the_sentence(done.stderr)
    assert f"{running.directory}/data is in use by process {running.pid} (" in sentence
    assert "kairan demo --dir" in sentence
    assert (running.directory / "demo.json").read_bytes() == before


def test_a_killed_one_leaves_the_data_free(tmp_path):
    with running_demo(tmp_path / "demo") as first:
        os.kill(first.pid, signal.SIGKILL)
        with running_demo(tmp_path / "demo") as second:
            assert second.pid != first.pid


def test_a_folder_that_is_deleted_under_it_takes_no_more_mail(tmp_path):
    with running_demo(tmp_path / "demo") as running:
        context = ssl.create_default_context(cafile=running.ca_file)
        account = running.accounts[0]
        shutil.rmtree(running.directory, ignore_errors=True)
        deadline = time.monotonic() + SECONDS_MAX
        with smtplib.SMTP(running.smtp_host, running.smtp_port, timeout=30) as client:
            client.starttls(context=context)
            client.login(account.address, account.password)
            while (answer := client.mail(account.address))[0] == 250:
                assert time.monotonic() < deadline
                client.rset()
                time.sleep(0.05)
        assert answer[0] == 452
        assert answer[1].startswith(b"4.3.1")


@needs_namespaces
def test_who_is_not_root_has_a_port_and_a_service(tmp_path):
    with demo(tmp_path / "d", before=AS_NOBODY) as shown:
        assert "accepts mail" in shown
        assert "service.root" not in shown
        port = json.loads((tmp_path / "d" / "demo.json").read_text())["smtp_port"]
        assert port >= 1024
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            assert client.noop()[0] == 250


@needs_namespaces
def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    tmp_path.chmod(0o555)
    try:
        sentence = refused(tmp_path / "d", *AS_NOBODY)
    finally:
        tmp_path.chmod(0o755)
    assert sentence.endswith("cannot be made (Permission denied); choose another one")


@needs_namespaces
@pytest.mark.parametrize("part", ["", "data"])
def test_a_demo_that_may_no_longer_be_written_is_said(tmp_path, part):
    with running_demo(tmp_path / "d"):
        pass
    (tmp_path / "d" / part).chmod(0o555)
    try:
        sentence = refused(tmp_path / "d", *AS_NOBODY)
    finally:
        (tmp_path / "d" / part).chmod(0o755)
    assert "may not write in" in sentence or "choose another one with --dir" in sentence


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "d").touch()
    assert refused(tmp_path / "d").endswith("cannot be made (File exists); choose another one")


@needs_root
def test_a_machine_without_ipv6_is_enough(tmp_path):
    with demo(tmp_path / "d", before=WITHOUT_IPV6) as shown:
        assert "127.0.0.1:587 accepts mail" in shown


def test_a_port_of_the_issuer_that_is_taken_meanwhile_is_said(tmp_path):
    with running_demo(tmp_path / "d") as first:
        port = int(first.oauth["token_url"].partition("127.0.0.1:")[2].partition("/")[0])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        sentence = refused(tmp_path / "d")
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"LANG": "ja_JP.UTF-8", "LC_ALL": "ja_JP.UTF-8"},
        {"LANG": "ja_JP.eucJP", "LC_ALL": "ja_JP.eucJP"},
        {"LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["utf-8", "euc-jp", "c", "ascii"],
)
def test_eighty_columns_and_a_japanese_machine_are_enough(tmp_path, changes):
    place = tmp_path / "回覧"
    with demo(place, "--smtp-port", "0", **changes) as shown:
        assert "accepts mail" in shown
        text = shown[shown.index("ready:") : shown.index("Stop with Ctrl-C.")]
        wide = [line for line in text.splitlines() if len(line) > 80]
        assert not [line for line in wide if str(tmp_path) not in line]
        assert (place / "demo.json").is_file()
