"""What a foreign scanner of TLS finds at a listener of each role."""

import json
import subprocess
from pathlib import Path

import pytest

from kairan.testing.configuration import listener
from kit.live import PRINTER, running_service

pytestmark = pytest.mark.peers

SSLYZE = Path(__file__).parents[1] / "peers" / "sslyze" / ".venv" / "bin" / "sslyze"
LISTENERS = [
    listener("hve"),
    listener("client", tls="implicit"),
    listener("device", devices={"127.0.0.1/32": PRINTER}),
    listener("device", devices={"127.0.0.1/32": PRINTER}, legacy_tls=True),
]
HVE, CLIENT, DEVICE, LEGACY = range(4)
OLD, TLS_1_2, TLS_1_3 = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"), "tls_1_2", "tls_1_3"
MODERN = {
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    if not SSLYZE.exists():
        pytest.skip("needs sslyze in a virtual environment of its own (make peers)")
    place = tmp_path_factory.mktemp("scan") / "k"
    with running_service(place, listeners=LISTENERS, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def scan(service, tmp_path_factory):
    folder, known = tmp_path_factory.mktemp("found"), {}

    def of(listener: int):
        if listener not in known:
            port = service.ports[listener]
            starttls = [] if listener == CLIENT else ["--starttls", "smtp"]
            out = folder / f"{port}.json"
            subprocess.run(
                [SSLYZE, *starttls, "--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2",
                 "--tlsv1_3", "--compression", "--reneg", "--heartbleed", "--robot",
                 "--openssl_ccs", "--fallback", "--mozilla_config", "disable",
                 "--quiet", "--json_out", out, f"127.0.0.1:{port}"],
                check=True, timeout=300,
            )  # fmt: skip
            (found,) = json.loads(out.read_text())["server_scan_results"]
            assert found["connectivity_status"] == "COMPLETED"
            known[listener] = found["scan_result"]
        return known[listener]

    return of


def suites(found, version: str) -> set[str]:
    result = found[f"{version}_cipher_suites"]
    assert result["status"] == "COMPLETED"
    return {s["cipher_suite"]["name"] for s in result["result"]["accepted_cipher_suites"]}


@pytest.mark.parametrize("listener", [HVE, CLIENT, DEVICE])
def test_nothing_below_tls_1_2_is_spoken(scan, listener):
    assert not [version for version in OLD if suites(scan(listener), version)]
    assert suites(scan(listener), TLS_1_3)


def test_legacy_tls_speaks_the_versions_of_old_printers_and_not_ssl(scan):
    found = scan(LEGACY)
    assert not suites(found, "ssl_2_0") | suites(found, "ssl_3_0")
    assert suites(found, "tls_1_0")
    assert suites(found, "tls_1_1")


def test_hve_has_forward_secrecy_and_no_cbc(scan):
    assert suites(scan(HVE), TLS_1_2) == MODERN


@pytest.mark.parametrize("listener", [CLIENT, DEVICE])
def test_older_clients_find_cbc_at_the_other_roles_and_nothing_without_forward_secrecy(
    scan, listener
):
    offered = suites(scan(listener), TLS_1_2)
    assert offered > MODERN
    assert any("CBC" in suite for suite in offered)
    assert all(suite.startswith(("TLS_ECDHE_", "TLS_DHE_")) for suite in offered)


@pytest.mark.parametrize("listener", [HVE, CLIENT, DEVICE, LEGACY])
def test_known_holes_are_closed(scan, listener):
    found = scan(listener)
    results = {name: found[name]["result"] for name in found if found[name]["result"]}
    assert results["heartbleed"]["is_vulnerable_to_heartbleed"] is False
    assert results["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"] is False
    assert results["robot"]["robot_result"].startswith("NOT_VULNERABLE")
    assert results["tls_compression"]["supports_compression"] is False
    assert results["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"] is False
    assert results["tls_fallback_scsv"]["supports_fallback_scsv"] is True
