"""The issuer as a child of a real service: over HTTP, with curl, through its death and its end."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import uuid

import httpx
import jwt
import pytest

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.directory.model import App, AppSecret
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kit.live import PRINTER, open_directory, running_service, wait_for
from kit.ports import free_port

TENANT = "5e1f0000-0000-4000-8000-000000000003"
SECRET = make_secret()
ERP = App(
    "erp",
    client_id=str(uuid.uuid4()),
    object_id=str(uuid.uuid4()),
    permissions=frozenset({"Mail.Send"}),
    secrets=(AppSecret(hash_secret(SECRET)),),
)


SETTINGS = IssuerServiceSettings(port=free_port(), tenant=TENANT)
PLACES = places_of(SETTINGS)
TOML = f"""
[issuer]
enabled = true
port = {SETTINGS.port}
tenant = "{TENANT}"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("issuer") / "k"
    with running_service(place, settings=TOML, workers=1) as running:
        with open_directory(place) as directory:
            directory.apps.add(ERP, accounts=[PRINTER])
        yield running
        log = "".join(running.log)
    assert running.process.returncode == 0
    assert "Traceback" not in log
    assert SECRET not in log
    assert not re.search(r"eyJ[\w-]+\.eyJ", log), "a token in the log"


def form(**changes):
    base = {"grant_type": "client_credentials", "client_id": ERP.client_id}
    return base | {"client_secret": SECRET} | changes


def test_it_gives_tokens_that_its_published_key_verifies(service):
    answer = httpx.post(PLACES.token, data=form()).json()
    keys = jwt.PyJWKClient(PLACES.jwks)
    key = keys.get_signing_key_from_jwt(answer["access_token"])
    claims = jwt.decode(
        answer["access_token"],
        key,
        algorithms=["RS256"],
        audience=SETTINGS.audience,
        issuer=PLACES.issuer,
    )
    assert claims["oid"] == ERP.object_id


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("way", ["form", "header"])
def test_curl_gets_a_token(service, way):
    who = ["-u", f"{ERP.client_id}:{SECRET}"] if way == "header" else []
    data = form() if way == "form" else {"grant_type": "client_credentials"}
    fields = [word for pair in data.items() for word in ("--data-urlencode", "=".join(pair))]
    said = subprocess.run(
        ["curl", "-sS", *who, *fields, PLACES.token], capture_output=True, check=True
    )
    assert json.loads(said.stdout)["token_type"] == "Bearer"


def test_a_wrong_secret_is_refused_and_logged_without_it(service):
    assert httpx.post(PLACES.token, data=form(client_secret="kai~guess")).status_code == 401
    wait_for(lambda: any("issuer.refused" in line for line in service.log), "the log line")
    assert not any("kai~guess" in line for line in service.log)


def test_a_head_without_end_is_not_read_for_ever(service):
    with socket.create_connection(("127.0.0.1", SETTINGS.port), timeout=30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000)
        assert sock.recv(100).startswith(b"HTTP/1.1 400")


def test_it_is_started_again_when_it_dies(service):
    (killed,) = service.workers()[-1:]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in service.workers(), "its end")

    def answers():
        try:
            return httpx.post(PLACES.token, data=form()).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers, "an answer")


def test_it_reads_its_certificate_anew_by_starting_again(service):
    (before,) = service.workers()[-1:]
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: before not in service.workers(), "its end")
    wait_for(lambda: any("service.child-reloaded" in line for line in service.log), "the log line")
    assert httpx.get(PLACES.jwks, timeout=30).status_code == 200


def test_the_cli_s_tokens_are_signed_with_the_same_key(service):
    token = service.kairan("app", "token", "erp", "--lifetime", "-60").strip()
    assert jwt.get_unverified_header(token)["kid"] in httpx.get(PLACES.jwks).text


def test_a_rotated_key_is_published_without_a_restart(service):
    kid = json.loads(service.kairan("app", "rotate", "--json"))["kid"]
    assert kid in httpx.get(PLACES.jwks).text


def test_a_device_login_is_approved_at_the_console(service):
    asked = httpx.post(PLACES.device_authorization, data={"client_id": ERP.client_id}).json()
    service.kairan("app", "approve", asked["user_code"].lower(), "--user", PRINTER)
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    data = {
        "grant_type": grant,
        "client_id": ERP.client_id,
        "device_code": asked["device_code"],
    }
    answer = httpx.post(PLACES.token, data=data).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["upn"] == PRINTER


def test_beyond_loopback_it_speaks_tls_with_the_services_certificate(tmp_path):
    port = free_port()
    settings = (
        f'\n[issuer]\nenabled = true\nhost = "0.0.0.0"\nport = {port}\n'
        f'url = "https://localhost:{port}"\n'
    )
    place = tmp_path / "k"
    with running_service(place, settings=settings, workers=1) as running:
        url = places_of(IssuerServiceSettings(url=f"https://localhost:{port}")).discovery
        said = httpx.get(url, verify=running.trust).json()
        assert said["token_endpoint"].startswith(f"https://localhost:{port}/")


def test_a_port_that_is_taken_is_said_to_be(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = f"\n[issuer]\nenabled = true\nport = {taken.getsockname()[1]}\n"
        with (
            pytest.raises(AssertionError, match=r"cannot listen on 127\.0\.0\.1 port"),
            running_service(tmp_path / "k", settings=settings, workers=1),
        ):
            pass
