"""The service's certificate: looked at before the first client, exchanged only for a better one."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kairan.runtime.certificates import SERVER_DAYS, make_authority, make_server_certificate
from kit.live import Client, make_installation, running_service, wait_for

NAMES = ["mail.kairan.test", "localhost", "127.0.0.1"]


def write(place, *, now=None, names=NAMES, prefix="server"):
    """A new pair of a new authority, whose certificate the tests' clients trust from now on."""
    now = now or datetime.now(UTC)
    authority = make_authority("other", now=now)
    issued = make_server_certificate(authority, names, now=now, with_rsa=prefix != "server")
    (place / "tls" / f"{prefix}.pem").write_bytes(issued.certificate_pem)
    (place / "tls" / f"{prefix}.key").write_bytes(issued.key_pem)
    return issued.certificate_pem


def served(service):
    """The certificate that a client is shown, whoever has signed it."""
    run = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{service.port('implicit')}"],
        input=b"QUIT\n",
        capture_output=True,
        timeout=30,
        check=False,
    )
    begin, end = (run.stdout.find(b"-----%b CERTIFICATE" % word) for word in (b"BEGIN", b"END"))
    return run.stdout[begin:end].strip()


def is_shown(service, pem):
    return served(service) in pem and served(service) != b""


def log_of(service):
    return "".join(service.log)


def children_of(process):
    tasks = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(pid) for pid in tasks.split()]


def expired(place):
    write(place, now=datetime.now(UTC) - timedelta(days=SERVER_DAYS + 2))
    return "has expired on"


def foreign(place):
    key = (place / "tls" / "server.key").read_bytes()
    write(place)
    (place / "tls" / "server.key").write_bytes(key)
    return "does not belong to the certificate"


def foreign_rsa(place):
    write(place)
    (place / "tls" / "server-rsa.key").write_bytes((place / "tls" / "server.key").read_bytes())
    return "does not belong to the certificate"


def missing(place):
    (place / "tls" / "server.pem").unlink()
    return "cannot be read"


@pytest.mark.parametrize("spoil", [expired, foreign, foreign_rsa, missing])
def test_a_bad_one_is_named_and_the_present_one_stays_also_for_a_worker_that_comes_anew(
    tmp_path, spoil
):
    with running_service(tmp_path / "k", workers=1) as service:
        present = (tmp_path / "k" / "tls" / "server.pem").read_bytes()
        reason = spoil(service.place)
        service.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: "runtime.certificate-rejected" in log_of(service), "the refusal in the log"
        )
        assert reason in log_of(service)
        assert str(service.place / "tls") in log_of(service)
        assert is_shown(service, present)
        for pid in children_of(service.process.pid):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "service.child-ended" in log_of(service), "the worker's end")
        wait_for(lambda: is_shown(service, present), "its successor with the same certificate")


@pytest.mark.parametrize("spoil", [foreign, missing])
def test_a_start_with_one_that_cannot_be_served_says_where_and_why(tmp_path, spoil):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    reason = spoil(place)
    run = subprocess.run(
        [sys.executable, "-m", "kairan", "serve", "-c", str(place / "kairan.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert reason in run.stderr
    assert f"{place / 'kairan.toml'}:" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_start_with_one_that_has_expired_goes_on_and_says_so(tmp_path):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    expired(place)
    with running_service(place, install=False) as service:
        assert "runtime.certificate-out-of-date" in log_of(service)
        assert is_shown(service, (place / "tls" / "server.pem").read_bytes())


def test_certificate_and_key_are_looked_for_where_the_setting_says(tmp_path):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    file = place / "kairan.toml"
    file.write_text(file.read_text().replace("[tls]\n", "[tls]\nlook_interval_seconds = 0.5\n"))
    with running_service(place, install=False) as service:
        new = write(place)
        wait_for(lambda: is_shown(service, new), "the new certificate without a signal")
        with Client(service.port("implicit"), service.trust) as client:
            assert client.sock.fileno() > 0


def test_check_config_and_the_log_warn_of_its_end_and_of_another_name(tmp_path):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    near = datetime.now(UTC) - timedelta(days=SERVER_DAYS - 5)
    write(place, now=near, names=["other.example"])
    run = subprocess.run(
        [sys.executable, "-m", "kairan", "check-config", "-c", str(place / "kairan.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0
    assert "warning: the certificate " in run.stderr
    assert "ends in 4 days" in run.stderr
    assert "is for other.example; not for mail.kairan.test" in run.stderr
    with running_service(place, install=False) as service:
        assert "runtime.certificate-ends-soon" in log_of(service)
        assert "runtime.certificate-other-name" in log_of(service)
