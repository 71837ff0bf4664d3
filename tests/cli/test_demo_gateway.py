"""A printer, the gateway, and High Volume Email of 2026 behind it with tokens: the whole chain."""

import base64
import email
import email.policy
import ssl
import warnings

import pytest

from kairan.auth.passwords.hashing import hash_password
from kairan.cli import demo_gateway, sample
from kairan.cli.demo import _free_port, _install, _plan
from kit.live import CHEAP, Client, open_directory, running_service, wait_for

PRINTER, SCANNER, USER = sample.address("printer"), sample.address("scanner"), sample.user(1)
OWN = "of this printer alone"
DEVICE = 1  # the gateway's second listener


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    place = tmp_path_factory.mktemp("chain") / "k"
    place.mkdir()
    demo_gateway.prepare_upstream(place, lambda folder: _install(folder, _free_port(())))
    with demo_gateway.running_upstream(place) as description:
        yield place, description


@pytest.fixture(scope="module")
def gateway(upstream):
    place, description = upstream
    plan = _plan(place, _free_port(()))
    demo_gateway.install_gateway(plan, description, device_port=_free_port(()))
    file = place / "kairan.toml"
    text = file.read_text()
    assert "# legacy_tls = true" in text
    file.write_text(text.replace("# legacy_tls", "legacy_tls"))
    with open_directory(place) as directory:
        hashed = hash_password(OWN, CHEAP)
        directory.devices.add("MFP 3F", account=PRINTER, login="mfp3f", password_hash=hashed)
    with running_service(place, install=False) as running:
        yield running
        assert "Traceback" not in "".join(running.log)


def old_context(gateway) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(gateway.place / "tls" / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # Python deprecates what printers speak
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


def as_printer(gateway) -> Client:
    """STARTTLS with TLS 1.0, then AUTH LOGIN with the short name and the printer's own password."""
    client = Client(gateway.ports[DEVICE], old_context(gateway))
    client.reply()
    assert "STARTTLS" in client.ask(b"EHLO mfp")
    assert client.ask(b"STARTTLS").startswith("220")
    client.start_tls()
    assert client.sock.version() == "TLSv1"
    assert "AUTH LOGIN" in client.ask(b"EHLO mfp")
    assert client.ask(b"AUTH LOGIN") == "334 VXNlcm5hbWU6"
    assert client.ask(base64.b64encode(b"mfp3f")) == "334 UGFzc3dvcmQ6"
    assert client.ask(base64.b64encode(OWN.encode())).startswith("235")
    return client


# What printers write, and how the reader sees it.
AUTHORS = {
    "unquoted @": (b"scan@3F <scanner@kairan.test>", "scan@3F"),
    "without <>": (b"MFP 3F scanner@kairan.test", "MFP 3F"),
    "Shift_JIS": ("複合機 3階 <scanner@kairan.test>".encode("cp932"), "複合機 3階"),
    "brackets": (b"[MFP 3F] <scanner@kairan.test>", "[MFP 3F]"),
    "a name alone": (b"MFP", "MFP"),
    "plain": (b"scanner@kairan.test", ""),
}


@pytest.mark.parametrize("case", AUTHORS)
def test_a_printers_mail_is_delivered_readable_and_traced(upstream, gateway, case):
    _, description = upstream
    written, name = AUTHORS[case]
    subject = f"scan by {case}".encode()
    head = b"From: " + written + b"\r\nReply-To: Desk desk@kairan.test\r\n"
    with as_printer(gateway) as client:
        content = head + b"Date: 2026/11/26\r\nMessage-ID: 7\r\nSubject: " + subject + b"\r\n\r\nx"
        assert client.send(content, USER, sender=SCANNER).startswith("250")
    folder = gateway.place / "upstream" / "maildir" / USER / "new"
    assert str(folder).startswith(description["maildir"])
    octets = wait_for(
        lambda: next((f for p in found(folder) if subject in (f := p.read_bytes())), None),
        "the message at the upstream",
    )
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert message["From"].addresses[0].addr_spec == PRINTER, "as whom the gateway has a token"
    assert message["Reply-To"].addresses[0].addr_spec == "desk@kairan.test"
    original = message["X-Original-From"] or message["From"]
    shown = email.message_from_string(f"From: {original}\n\n", policy=email.policy.default)["From"]
    assert (shown.addresses[0].addr_spec, shown.addresses[0].display_name) == (SCANNER, name)
    assert message["Date"].datetime is not None
    assert message["Message-ID"] == "<7@mail.kairan.test>"
    assert message.get_content() == "x\n"
    event = wait_for(
        lambda: next((e for e in gateway.events() if repaired(e, case)), None), "the trace"
    )
    assert 'mechanism=LOGIN device="MFP 3F"' in event.detail
    wait_for(
        lambda: any(e.event == "SEND" for e in gateway.events("<7@mail.kairan.test>")),
        "its delivery in the trace",
    )


def repaired(event, case) -> bool:
    author = "" if case == "plain" else "from,"
    wanted = f"repaired={author}reply-to,date,message-id"
    return event.event == "RECEIVE" and wanted in event.detail


def found(folder):
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_device_without_a_login_reaches_a_group_that_only_the_upstream_knows(upstream, gateway):
    _, description = upstream
    with Client(gateway.ports[DEVICE], gateway.trust) as client:
        client.reply()
        client.ask(b"EHLO mfp")
        group = description["groups"][0]
        assert client.send(b"Subject: to all hands\r\n\r\nx", group).startswith("250")
    folder = gateway.place / "upstream" / "maildir" / sample.user(sample.USERS) / "new"
    wait_for(lambda: any(b"to all hands" in p.read_bytes() for p in found(folder)), "the last one")
