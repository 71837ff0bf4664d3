"""Devices of the directory at a device listener: by their address, by a login of their own, and no longer."""

import base64
import json
import secrets
import ssl
import time
import warnings

import pytest

from kairan.auth.passwords.hashing import hash_password
from kairan.directory.devices import Sighting
from kairan.testing import configuration
from kit.live import (
    CHEAP,
    PASSWORD,
    PAYROLL,
    PRINTER,
    Client,
    open_directory,
    running_service,
    wait_for,
)

NETWORK, ITS_OWN = "127.0.1.0/24", "127.0.1.7"  # of all addresses in 127/8 a client may choose
LISTENERS = [
    configuration.listener("hve"),
    configuration.listener("client", tls="implicit"),
    configuration.listener("device", legacy_tls=True, devices={"127.0.2.0/24": PRINTER}),
]
HVE, CLIENT, DEVICE = range(3)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("devices") / "k"
    with running_service(place, listeners=LISTENERS, workers=1) as running:
        yield running
        assert "Traceback" not in "".join(running.log)


@pytest.fixture
def devices(service):
    """The table, empty again afterwards."""
    with open_directory(service.place) as directory:
        yield directory.devices
        for one in directory.devices.everyone():
            directory.devices.remove(one.name)
        directory.set_organisation(security_defaults=False)


@pytest.fixture
def own():
    """A password that no test before had: else a worker's older snapshot would let it in, too."""
    return f"of this printer alone {secrets.token_hex(8)}"


@pytest.fixture
def mfp(service, devices, own):
    """One with a password of its own, in a network of others that need no login; it is known."""
    devices.add("floor", account=PAYROLL, networks=[NETWORK])
    devices.add(
        "MFP 3階",
        account=PRINTER,
        login="mfp3f",
        networks=[ITS_OWN],
        password_hash=hash_password(own, CHEAP),
    )
    wait_for(lambda: is_let_in(service, own), "the device in the snapshot")


def connect(service, listener=DEVICE, source=ITS_OWN):
    client = Client(service.ports[listener], service.trust, source=source)
    if listener == CLIENT:
        client.start_tls()
    client.greeting = client.reply()
    if client.greeting.startswith("220") and listener != CLIENT:
        client.ask(b"EHLO mfp")
        client.ask(b"STARTTLS")
        client.start_tls()
    if client.greeting.startswith("220"):
        client.ask(b"EHLO mfp")
    return client


def is_let_in(service, password, name="mfp3f", **where):
    with connect(service, **where) as client:
        return client.greeting.startswith("220") and client.auth(name, password).startswith("235")


def mail_from(client, sender):
    return client.ask(f"MAIL FROM:<{sender}>".encode())


def test_a_device_logs_in_by_its_short_name_and_its_own_password(service, mfp, own):
    with connect(service) as client:
        assert client.ask(b"AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert client.ask(base64.b64encode(b"MFP3F")) == "334 UGFzc3dvcmQ6"
        assert client.ask(base64.b64encode(own.encode())).startswith("235")
        assert mail_from(client, PAYROLL).startswith("550 5.7.60"), "it is the printer"
        assert client.send(b"Subject: by-own-login\r\n\r\nx").startswith("250")
    service.wait_message(b"by-own-login")
    event = service.wait_event("RECEIVE")
    assert 'mechanism=LOGIN device="MFP 3階"' in event.detail


@pytest.mark.parametrize("listener", [HVE, CLIENT])
def test_its_login_and_its_password_open_no_other_listener(service, mfp, own, listener):
    assert not is_let_in(service, own, listener=listener)
    assert not is_let_in(service, own, PRINTER, listener=listener), (
        "nor is it the account's password"
    )
    assert not is_let_in(service, own, PRINTER)
    # From another network, which these failures have not closed.
    elsewhere = f"127.0.4.{listener + 1}"
    assert is_let_in(service, PASSWORD, PRINTER, listener=listener, source=elsewhere)


def test_its_address_alone_is_not_enough_where_it_has_a_login(service, mfp):
    with connect(service) as client:
        assert mail_from(client, PRINTER).startswith("530 5.7.57")
    with connect(service, source="127.0.1.8") as client:
        assert mail_from(client, PAYROLL).startswith("250"), "a neighbour has none"


def test_from_elsewhere_neither_the_password_nor_the_connection_is_taken(service, mfp, own):
    assert not is_let_in(service, own, source="127.0.1.8")
    with connect(service, source="127.0.3.1") as client:
        assert client.greeting.startswith("550 5.7.1 Source address is not a listed device")


def test_without_a_password_of_its_own_its_login_takes_the_accounts(service, mfp, own, devices):
    devices.change("mfp3f", password_hash="")
    wait_for(lambda: is_let_in(service, PASSWORD), "the change")
    assert not is_let_in(service, own)


def test_one_password_is_revoked_and_all_others_go_on(service, mfp, own, devices):
    devices.add("other", account=PRINTER, login="other", password_hash=hash_password(own, CHEAP))
    devices.change("mfp3f", password_hash="")
    wait_for(lambda: not is_let_in(service, own), "the change")
    # Another test may have failed from there a moment ago.
    wait_for(lambda: is_let_in(service, own, "other", source="127.0.1.8"), "its turn")


def revoke(devices):
    devices.change("mfp3f", password_hash="")


def change_password(devices):
    devices.change("mfp3f", password_hash=hash_password("of another day", CHEAP))


def disable(devices):
    devices.change("mfp3f", enabled=False)


def remove(devices):
    devices.remove("mfp3f")


def move(devices):
    devices.change("mfp3f", networks=["127.0.1.9"])


def rename(devices):
    devices.change("mfp3f", login="another")


def of_another_account(devices):
    devices.change("mfp3f", account=PAYROLL)


CHANGES = [revoke, change_password, disable, remove, move, rename, of_another_account]


@pytest.mark.parametrize("change", CHANGES)
def test_a_held_session_ends_when_what_its_login_rested_on_is_gone(
    service, mfp, own, devices, change
):
    with connect(service) as client:
        assert client.auth("mfp3f", own).startswith("235")
        assert mail_from(client, PRINTER).startswith("250")
        client.ask(b"RSET")
        change(devices)
        ends(client)


@pytest.mark.parametrize(
    "change",
    [
        lambda devices: devices.remove("floor"),
        lambda devices: devices.change("floor", enabled=False),
        lambda devices: devices.change("floor", login="floor"),
        lambda devices: devices.change("floor", networks=[]),
        lambda devices: devices.add("one", account=PAYROLL, networks=["127.0.1.8"]),
    ],
    ids=["removed", "disabled", "must-log-in", "moved", "another's"],
)
def test_a_held_session_without_a_login_ends_with_its_place(service, mfp, devices, change):
    with connect(service, source="127.0.1.8") as client:
        assert mail_from(client, PAYROLL).startswith("250")
        client.ask(b"RSET")
        change(devices)
        ends(client, PAYROLL)


def test_a_held_session_of_a_configured_network_ends_when_a_device_takes_its_address(
    service, mfp, devices
):
    with connect(service, source="127.0.2.9") as client:
        assert mail_from(client, PRINTER).startswith("250")
        client.ask(b"RSET")
        devices.add("stolen", account=PRINTER, networks=["127.0.2.9"], enabled=False)
        ends(client)
    with connect(service, source="127.0.2.9") as client:
        assert client.greeting.startswith("550 5.7.1 This device is disabled")


def ends(client, sender=PRINTER):
    def is_over():
        answer = mail_from(client, sender)
        if answer.startswith("250"):
            assert client.ask(b"RSET").startswith("250")
            return False
        assert answer.startswith(("421 4.7.0", "530 5.7.57")), answer
        return True

    wait_for(is_over, "the end of the session")


def test_controls_before_passwords_bind_devices_too(service, mfp, own):
    with open_directory(service.place) as directory:
        directory.set_organisation(security_defaults=True)
    wait_for(lambda: not is_let_in(service, own), "the change")
    with connect(service) as client:
        assert client.auth("mfp3f", own).startswith("535 5.7.139")


def test_when_it_was_last_heard_of_and_last_refused_is_told(service, mfp, devices):
    before = int(time.time())
    with connect(service) as client:
        assert client.auth("mfp3f", "a wrong one").startswith("535")
    wait_for(
        lambda: devices.sightings().get("MFP 3階", Sighting()).refusal == "auth-unsuccessful",
        "the sighting",
    )
    (told,) = (
        one for one in json.loads(service.kairan("device", "list", "--json")) if one["login"]
    )
    assert told["last_refusal"] == "auth-unsuccessful"
    assert told["last_client"] == ITS_OWN
    assert told["last_seen"] >= before - 30


def test_a_handshake_that_fails_is_the_devices_last_refusal(service, mfp, devices):
    with Client(service.ports[DEVICE], service.trust, source=ITS_OWN) as client:
        client.reply()
        client.ask(b"EHLO mfp")
        assert client.ask(b"STARTTLS").startswith("220")
        client.say(b"no TLS at all\r\n")
        client.rest()
    wait_for(
        lambda: devices.sightings().get("MFP 3階", Sighting()).refusal == "tls-plain-text",
        "the handshake's refusal",
    )


def old_context(service):
    context = ssl.create_default_context(cafile=str(service.place / "tls" / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # Python deprecates what printers speak
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def test_tls_1_0_is_spoken_at_the_listener_that_opted_in_and_nowhere_else(service, mfp, own):
    with Client(service.ports[DEVICE], old_context(service), source=ITS_OWN) as client:
        client.reply()
        client.ask(b"EHLO mfp")
        assert client.ask(b"STARTTLS").startswith("220")
        client.start_tls()
        assert client.sock.version() == "TLSv1"
        client.ask(b"EHLO mfp")
        assert client.auth("mfp3f", own).startswith("235")
    for listener in (HVE, CLIENT):
        with Client(service.ports[listener], old_context(service)) as client:
            if listener == HVE:
                client.reply()
                client.ask(b"EHLO mfp")
                client.ask(b"STARTTLS")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                client.start_tls()
