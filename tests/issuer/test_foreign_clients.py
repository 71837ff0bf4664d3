"""Libraries of other people against the demo's issuer, as their manuals say to use them."""

import socket
import subprocess
import sys
import threading

import httpx
import msal
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from kairan.testing import running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("foreign") / "demo") as running:
        yield running


@pytest.fixture(autouse=True)
def _trust_as_given(monkeypatch):
    """These variables would beat what is given in the call."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def scope(demo):
    return [demo.oauth["scope"]]


def test_msal_confidential_client_gets_a_token(demo):
    app = msal.ConfidentialClientApplication(
        demo.oauth["client_id"],
        client_credential=demo.oauth["client_secret"],
        authority=demo.oauth["authority"],
        instance_discovery=False,
        verify=str(demo.ca_file),
    )
    assert "access_token" in app.acquire_token_for_client(scopes=scope(demo))
    assert app.acquire_token_for_client(scopes=scope(demo))["token_source"] == "cache"


def test_msal_device_flow_gets_a_token_once_it_is_approved(demo):
    app = msal.PublicClientApplication(
        demo.oauth["client_id"],
        authority=demo.oauth["authority"],
        instance_discovery=False,
        verify=str(demo.ca_file),
    )
    flow = app.initiate_device_flow(scopes=scope(demo))
    assert flow["user_code"] in flow["message"]
    account = demo.accounts[0].address
    approve = ("app", "approve", flow["user_code"], "--user", account, "-c", demo.configuration)
    subprocess.run([sys.executable, "-m", "kairan", *approve], check=True, capture_output=True)
    assert "access_token" in app.acquire_token_by_device_flow(flow)


def test_authlib_gets_a_token(demo):
    session = OAuth2Session(demo.oauth["client_id"], demo.oauth["client_secret"])
    session.verify = str(demo.ca_file)
    endpoint = f"{demo.oauth['authority']}/oauth2/v2.0/token"
    token = session.fetch_token(
        endpoint, grant_type="client_credentials", scope=demo.oauth["scope"]
    )
    assert token["token_type"] == "Bearer"


def metadata_at(demo, base):
    trust = {"verify": str(demo.ca_file)} if base.startswith("https") else {}
    tenant = demo.oauth["authority"].rpartition("/")[2]
    return httpx.get(f"{base}/{tenant}/v2.0/.well-known/openid-configuration", **trust).json()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_it_says_of_itself_is_whole_and_reached_the_same_way(demo, scheme):
    base = demo.oauth["authority"].rpartition("/")[0].replace("https", scheme)
    metadata = metadata_at(demo, base)
    assert metadata["issuer"] == demo.oauth["issuer"]
    assert metadata["response_types_supported"]
    endpoints = [metadata[name] for name in metadata if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 4
    assert all(endpoint.startswith(f"{base}/") for endpoint in endpoints)
    if scheme == "https":
        checked = AuthorizationServerMetadata(metadata)
        checked.validate_response_types_supported()
        checked.validate_authorization_endpoint()
        checked.validate_token_endpoint()
        checked.validate_jwks_uri()


def test_the_authorization_endpoint_says_that_there_is_no_login_page(demo):
    url = f"{demo.oauth['authority']}/oauth2/v2.0/authorize"
    answer = httpx.get(url, verify=str(demo.ca_file), params={"response_type": "code"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_response_type"


def test_a_client_that_begins_neither_is_not_served_and_harms_nobody(demo):
    port = int(demo.oauth["authority"].rpartition(":")[2].partition("/")[0])

    def rude(octets):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1000):
                pass

    threads = [
        threading.Thread(target=rude, args=(octets,))
        for octets in (b"", b"\0", b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 300_000, b"\x17\x03")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    test_msal_confidential_client_gets_a_token(demo)
