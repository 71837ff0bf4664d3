"""A service that sends by another one's accounts with tokens: a gateway before High Volume Email."""

import json
import ssl
import sys
import time

import pytest

from kairan.cli import sample
from kairan.cli.demo import _install
from kairan.testing import running_demo
from kairan.testing.peer import Rule, Say, ScriptedPeer
from kit.live import (
    PASSWORD,
    PRINTER,
    in_thread,
    make_installation,
    running_service,
    wait_for,
)
from kit.ports import free_port

REACHED, REFUSED, STRIPPED, FORGED = (sample.user(n) for n in (1, 2, 3, 4))
NO = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [X]"
NO_RULE = Rule("AUTH", Say(NO))
QUICK = """
[delivery.destination]
hold_seconds = 0.5
[delivery.retry]
first_seconds = 0.1
min_seconds = 0.1
"""


def identity_of(demo) -> str:
    authority, _, tenant = demo.oauth["authority"].rpartition("/")
    secret = demo.directory / "secret"
    secret.write_text(demo.oauth["client_secret"])
    return f"""
[[identity]]
name = "hve"
user = "{PRINTER}"
authority = "{authority}"
tenant = "{tenant}"
client_id = "{demo.oauth["client_id"]}"
client_secret_file = "{secret}"
scope = "{demo.oauth["scope"]}"
ca_file = "{demo.ca_file}"
"""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """The edition of 2026, with its own issuer."""
    place = tmp_path_factory.mktemp("upstream") / "demo"
    _install(place, free_port())
    with (place / "kairan.toml").open("a") as file:
        file.write('\n[auth.tokens]\nprofile = "hve-2026"\n')
    with running_demo(place) as demo:
        yield demo


@pytest.fixture(scope="module")
def service(upstream, tmp_path_factory):
    """One recipient's mail goes to a server that refuses our login, all else to the service above."""
    place = tmp_path_factory.mktemp("gateway")
    port = free_port()
    reached = f"hve://localhost:{upstream.smtp_port}?identity=hve&ca={upstream.ca_file}"
    refused = f"smtp://localhost:{port}?auth=oauth&identity=hve&ca=tls/ca.pem"
    plain_port = free_port()
    stripped = f"smtp://localhost:{plain_port}?auth=oauth&identity=hve&ca=tls/ca.pem"
    forged = f"hve://localhost:{upstream.smtp_port}?identity=hve&ca=tls/ca.pem"
    script = (
        f"import sys; open({str(place / 'alerts')!r}, 'ab').write(sys.stdin.buffer.read() + b'\\n')"
    )
    alerts = f"""
[alerts]
interval_seconds = 0.5
command = {json.dumps([sys.executable, "-c", script])}
"""
    make_installation(
        place,
        routes={REFUSED: refused, STRIPPED: stripped, FORGED: forged, sample.DOMAIN: reached},
        settings=identity_of(upstream) + QUICK + alerts,
        workers=1,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "tls" / "server.pem", place / "tls" / "server.key")
    peer = ScriptedPeer([NO_RULE], tls=context, capabilities=["AUTH XOAUTH2"], port=port)
    plain = ScriptedPeer(capabilities=["AUTH XOAUTH2"], port=plain_port)
    with in_thread(peer), in_thread(plain), running_service(place, install=False) as running:
        running.peer, running.plain = peer, plain
        yield running


def send(service, marker: bytes, *recipients: str) -> None:
    with service.client("device", tls=False) as client:
        content = b"From: %s\r\nSubject: %s\r\n\r\nHello.\r\n" % (PRINTER.encode(), marker)
        assert client.send(content, *recipients).startswith("250")


def status_of(service):
    return json.loads(service.kairan("status", "--json"))


def why(service, *words: str, to: str = REFUSED):
    (job,) = json.loads(service.kairan("queue", "list", "--to", to, "--json"))
    return json.loads(service.kairan("queue", "why", job["id"], "--json", *words))


def test_mail_goes_out_with_the_tokens_of_the_services_own_issuer(service, upstream):
    send(service, b"by token", REACHED)
    wait_for(
        lambda: any(
            b"Subject: by token" in file.read_bytes() for file in upstream.messages(REACHED)
        ),
        "the message at the next service",
    )
    service.wait_event("SEND")


def test_a_refused_login_holds_the_route_alone_says_so_everywhere_and_passes_by_itself(
    service, upstream
):
    before = len(upstream.messages(REACHED))
    send(service, b"to both", REACHED, REFUSED)
    upstream.wait_messages(REACHED, count=before + 1)
    held_now = f"delivery.route-held destination={REFUSED} "
    line = service.wait_log(held_now)
    assert "5.7.139" in line
    assert "basic-auth-disabled" in line
    time.sleep(1.5)  # three tries more
    held = next(one for one in status_of(service)["destinations"] if one["name"] == REFUSED)
    assert (held["state"], held["jobs"]) == ("held", 1)
    assert "5.7.139" in held["last_error"]
    (answer,) = why(service)
    assert (answer["waiting"], answer["class"]) == ("route-held", "configuration")
    assert answer["key"] == "basic-auth-disabled"
    assert answer["remedies"]
    assert answer["expires"] == ""
    (answer,) = why(service, "--lang", "ja")
    assert "保留" in answer["because"]
    assert sum(held_now in line for line in service.log) == 1
    assert PASSWORD not in "".join(service.log)
    # What is mended needs no command.
    send(service, b"kept", REFUSED)
    service.peer.rules.remove(NO_RULE)
    service.wait_empty()
    assert any(b"Subject: kept" in message.content for message in service.peer.messages)
    assert "DSN" not in {event.event for event in service.events()}


def alerts_of(service, about: str):
    file = service.place / "alerts"
    lines = file.read_text().splitlines() if file.exists() else []
    return [one for one in map(json.loads, filter(None, lines)) if one["about"] == about]


@pytest.mark.parametrize(
    ("to", "said"), [(STRIPPED, "does not offer STARTTLS"), (FORGED, "certificate")]
)
def test_without_what_protects_them_no_credentials_leave_and_the_mail_is_kept(service, to, said):
    send(service, b"secret", to)
    wait_for(lambda: alerts_of(service, to), "an alert")
    (answer,) = why(service, to=to)
    assert (answer["waiting"], answer["key"]) == ("route-held", "peer-tls-failed")
    assert said in answer["last_reply"]
    assert answer["expires"] == ""
    assert "AUTH" not in service.plain.verbs()
    assert "MAIL" not in service.plain.verbs()
    assert len(alerts_of(service, to)) == 1
    service.kairan("queue", "drop", "--to", to, "--yes")
    wait_for(lambda: alerts_of(service, to)[-1]["state"] == "over", "the end of the concern")
