"""The Containerfile, built to its end by buildah and run: it serves, is healthy, takes a message and delivers it.

At full length alone (`--promises=full`), as the promises.  Where no registry of images is reached the base is a Debian of our own (--build-arg BASE), and nothing is pulled.
Isolation is chroot: no namespaces, which a machine that is a container itself may not make.  So the network is
this machine's, and the port one that is free.
"""

import json
import os
import shutil
import signal
import smtplib
import ssl
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kit.debian import can_make_roots, copied, machine_paths, pip_settings
from kit.live import wait_for
from kit.ports import free_port

pytestmark = [
    pytest.mark.installation,
    pytest.mark.skipif(not can_make_roots(), reason="needs root and mmdebstrap"),
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed"),
]
SOURCE = Path(__file__).parents[2]
BASE, IMAGE = "localhost/kairan-test-base", "localhost/kairan-test"
SECONDS_MAX = 1_800
PATIENCE_SECONDS = 120.0


class Buildah:
    """With a store of its own, so that it leaves nothing."""

    def __init__(self, place: Path) -> None:
        self.head = ["buildah", "--root", str(place / "store"), "--runroot", str(place / "run")]
        self.head += ["--storage-driver", "vfs"]

    def words(self, *words: object) -> list[str]:
        return [*self.head, *map(str, words)]

    def __call__(self, *words: object) -> str:
        done = subprocess.run(
            self.words(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
            cwd=SOURCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def image(request, base_root, tmp_path_factory):
    """The store that has it.  Minutes on a machine with much else to do: at full length alone."""
    if request.config.getoption("--promises") != "full":
        pytest.skip("the image is built with --promises=full")
    place = tmp_path_factory.mktemp("container")
    root = copied(base_root, place / "base")
    root.run(
        "apt-get update -qq\n"
        "apt-get install --yes -qq --no-install-recommends python3 python3-venv > /tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }"
    )
    lines = [f"{name} = {value}" for name, value in pip_settings().items()]
    (root.place / "etc" / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    buildah = Buildah(place)
    working = buildah("from", "scratch")
    buildah("add", working, root.place, "/")
    buildah("commit", "--rm", working, BASE)
    shutil.rmtree(root.place)
    volumes = [f"--volume={path}:{path}:ro" for path in machine_paths()]
    buildah(
        "build",
        "--isolation=chroot",
        "--pull-never",
        *volumes,
        f"--build-arg=BASE={BASE}",
        f"--tag={IMAGE}",
        ".",
    )
    yield buildah
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


@contextmanager
def container(buildah, *volumes):
    """A function that runs a command in it, as the image's user."""
    working = buildah("from", "--pull-never", IMAGE)
    before = ["run", "--isolation=chroot", *(f"--volume={one}" for one in volumes), working, "--"]
    try:
        yield lambda *words: buildah.words(*before, *words)
    finally:
        buildah("rm", working)


def done(words):
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


def test_the_image_has_an_unprivileged_user_a_health_check_and_our_command(image):
    config = json.loads(image("inspect", "--type=image", IMAGE))["OCIv1"]["config"]
    assert config["User"] == "kairan"
    assert config["Entrypoint"] == ["kairan"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] == "SIGTERM"


def test_it_serves_is_healthy_and_delivers_what_it_is_sent(image, tmp_path):
    settings, port = tmp_path / "etc", free_port()
    settings.mkdir()
    os.chown(settings, 10587, 10587)
    # /var/lib/kairan is the image's own volume.
    with container(image, f"{settings}:/etc/kairan") as command:
        made = done(command("sh", "-ec", INSTALL.format(port=port)))
        assert made.returncode == 0, made.stdout + made.stderr
        password = made.stdout.splitlines()[-1]
        assert done(command("kairan", "status")).returncode == 1, "nothing is accepted yet"
        with serving(command("kairan", "serve"), tmp_path / "log") as is_healthy:
            wait_for(is_healthy, "the service", PATIENCE_SECONDS)
            assert done(command("kairan", "status")).returncode == 0
            send(port, password, settings / "tls" / "ca.pem")
            look = command("sh", "-c", "stat -c %u /var/lib/kairan/maildir/ann@example.com/new/*")
            wait_for(
                lambda: done(look).stdout.split() == ["10587"], "the message", PATIENCE_SECONDS
            )


INSTALL = """
kairan init /tmp/new --port {port} --issuer-port 0 --domain example.com > /tmp/made
cp -r /tmp/new/. /etc/kairan
sed -i -e 's|^data_directory.*|data_directory = "/var/lib/kairan"|' -e 's|maildir:data/|maildir:/var/lib/kairan/|' /etc/kairan/kairan.toml
cp -r /etc/kairan/data/. /var/lib/kairan
kairan mailbox add ann@example.com > /dev/null
kairan account add scan@example.com --generate --json | sed -n 's/.*"password": "\\([^"]*\\)".*/\\1/p'
"""


@contextmanager
def serving(command, log):
    """A function that says whether it is ready; at the end it is stopped as a container is."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def is_ready():
        assert process.poll() is None, log.read_text(errors="replace")
        return b"event=service.ready" in log.read_bytes()

    try:
        yield is_ready
    finally:
        started = list(descendants(process.pid))
        service = next((pid for pid in started if is_service(pid)), None)
        if service is not None:
            os.kill(service, signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            for pid in (process.pid, *started):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def descendants(pid):
    """Parents before their children.  Of all threads: buildah starts its own from one of them."""
    with suppress(OSError):
        for children in sorted(Path(f"/proc/{pid}/task").glob("*/children")):
            for child in map(int, children.read_text().split()):
                yield child
                yield from descendants(child)


def is_service(pid):
    """Not one of buildah's, which name the same command behind their own."""
    with suppress(OSError):
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return program.rpartition(b"/")[2].startswith(b"python") and b"serve" in arguments
    return False


def send(port, password, ca_file):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.starttls(context=ssl.create_default_context(cafile=ca_file))
        client.login("scan@example.com", password)
        text = "From: scan@example.com\r\nTo: ann@example.com\r\nSubject: Scan\r\n\r\nHello.\r\n"
        client.sendmail("scan@example.com", ["ann@example.com"], text)
