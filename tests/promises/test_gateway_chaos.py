"""The gateway before a server that does at every step what no server should: nothing is lost, nothing
is bounced that the server did not refuse, and who may have a message twice is named in the trace.
"""

import json
import random
import time

from kairan.testing.configuration import listener
from kairan.trace.search import search
from kit.certificates import server_certificate
from kit.chaotic_peer import ChaoticPeer
from kit.live import (
    PRINTER,
    Client,
    in_thread,
    make_installation,
    open_directory,
    running_service,
)
from kit.token_source import TokenSource

DOMAIN = "x.test"  # whose mailboxes the server alone knows
SECONDS_MAX = 1_200
RECIPIENTS = (1, 1, 1, 3)  # of a message, by turns
QUICK = """
[delivery.retry]
first_seconds = 0.1
max_seconds = 1.0
min_seconds = 0.05

[delivery.destination]
pause_first_seconds = 0.05
pause_max_seconds = 0.2
hold_seconds = 0.2
"""


def addresses_of(n):
    """One in fifty is nobody."""
    name = "nobody" if n % 50 == 7 else "user"
    return [f"{name}{n:05}.{k}@{DOMAIN}" for k in range(RECIPIENTS[n % len(RECIPIENTS)])]


def test_a_chaotic_upstream_loses_and_bounces_nothing_and_names_who_may_have_it_twice(
    tmp_path, rounds
):
    count, seed = rounds(short=300, full=10_000), random.randrange(1 << 32)
    print("seed", seed)
    context, ca_file = server_certificate(tmp_path)
    peer = ChaoticPeer(seed, context)
    with TokenSource() as issuer, in_thread(peer):
        place = tmp_path / "gateway"
        route = f"smtp://127.0.0.1:{peer.port}?auth=oauth&identity=hve&ca={ca_file}"
        make_installation(
            place,
            listeners=[listener("device", tls="off", devices={"127.0.0.1/32": PRINTER})],
            routes={DOMAIN: route, "*": "maildir:maildir"},
            settings=QUICK + issuer.identity(tmp_path, "hve", user=PRINTER),
        )
        with open_directory(place) as directory:
            directory.add_accepted_domain(DOMAIN, is_relayed=True)
        with running_service(place, install=False) as service:
            send(service, count)
            wait_sent(service)
            assert service.stop() == 0  # and the trace is whole
            events = search(
                place / "data" / "trace", also={"event": ["FAIL", "UNKNOWN"]}, limit=100_000
            )
            trace = json.loads(
                service.kairan("trace", "--event", "UNKNOWN", "--json", "--limit", "10000")
            )
        assert "Traceback" not in "".join(service.log)
    everybody = {one for n in range(count) for one in addresses_of(n)}
    nobody = {one for one in everybody if "nobody" in one}
    assert set(peer.taken) == everybody - nobody, "lost nobody"
    failed = {event.recipient: event.detail for event in events if event.event == "FAIL"}
    assert set(failed) == nobody, "bounced nobody but those whom the server refused"
    assert all("550 5.1.10" in detail for detail in failed.values())
    assert set(peer.taken.values()) == {1}
    assert not peer.again, "who was taken with a 250 is not sent to again"
    named = {event.recipient for event in events if event.event == "UNKNOWN"}
    assert set(peer.open) <= named, "who may have it twice is named"
    assert named <= set(peer.open) | peer.perhaps, "and nobody else"
    assert {event["recipient"] for event in trace if event["event"] == "UNKNOWN"} == named
    print(
        f"{count} messages to {len(everybody)}; {sum(peer.faults.values())} faults "
        f"{dict(peer.faults)}; twice: {sum(one in peer.taken for one in peer.open)}; "
        f"named: {len(named)}; tokens: {issuer.given}"
    )
    assert len(peer.faults) > 5


def send(service, count):
    with Client(service.ports[0], service.trust) as client:
        client.reply()
        client.ask(b"EHLO printer.test")
        for n in range(count):
            content = b"From: %s\r\nSubject: %d\r\n\r\nHello.\r\n" % (PRINTER.encode(), n)
            assert client.send(content, *addresses_of(n)).startswith("250")


def wait_sent(service):
    """Until nothing is left, however slow the machine, as long as it gets less."""
    left, until = 1 << 30, 0.0
    while now := service.spooled():
        if now < left:
            left, until = now, time.monotonic() + 120
        assert time.monotonic() < until, f"{left} messages do not go out"
        time.sleep(0.05)
