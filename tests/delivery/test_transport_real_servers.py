"""Delivery into a real Postfix and a real Dovecot."""

import os
import shutil
import socket
import subprocess

import pytest

from delivery.transport_talk import CONTENT, SETTINGS, envelope, kinds, to
from kairan.delivery.transports.table import transport_for
from kairan.mail.envelope import ContentFile, Notify
from kit.ports import free_port
from peers.dovecot import dovecot_lmtp
from peers.postfix import postfix_smtp
from peers.servers import wait_until

pytestmark = pytest.mark.peers

BODY = b"\n.hi\n..\nthe end\n"


@pytest.fixture(scope="module")
def postfix():
    with postfix_smtp(tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def dovecot():
    with dovecot_lmtp() as server:
        yield server


async def deliver(destination: str, *addresses: str, content=CONTENT, notify=Notify.UNSET):
    transport = transport_for(destination, SETTINGS)
    recipients = to(*addresses, notify=notify)
    results = await transport.deliver(envelope(), recipients, content)
    await transport.close()
    return results


@pytest.mark.parametrize("tls", ["none", "may", "require"])
async def test_postfix_takes_mail_and_refuses_what_it_may_not_relay(postfix, tls):
    marker = f"X-Way: {tls}".encode()  # mail of other tests may still be on its way in Postfix
    options = f"tls={tls}" + (f"&ca={postfix.certificate.file}" if tls == "require" else "")
    results = await deliver(
        f"smtp://localhost:{postfix.port}?{options}",
        "a@postfix.test",
        "b@elsewhere.test",
        content=marker + b"\r\n" + CONTENT,
    )
    assert kinds(results) == ["Delivered", "Failed"]
    wait_until(lambda: any(marker in message for message in postfix.messages()), "the message")
    (message,) = [message for message in postfix.messages() if marker in message]
    assert message.endswith(BODY)
    assert message.startswith(b"Return-Path: <from@us.test>\n")
    assert (b"with ESMTPS" in message) == (tls != "none")


async def test_postfix_whose_authority_is_unknown_gets_nothing(postfix):
    (result,) = await deliver(f"smtp://localhost:{postfix.port}?tls=require", "a@postfix.test")
    assert result.reply.enhanced == "4.7.5"


async def test_postfix_takes_over_the_reporting_of_success(postfix):
    (result,) = await deliver(
        f"smtp://127.0.0.1:{postfix.port}?tls=none", "a@postfix.test", notify=Notify.SUCCESS
    )
    assert result.reported_by_next_hop


async def test_postfix_that_was_down_takes_mail_again_on_the_same_transport(postfix):
    transport = transport_for(f"smtp://127.0.0.1:{postfix.port}?tls=none", SETTINGS)

    async def kind() -> str:
        return kinds(await transport.deliver(envelope(), to("a@postfix.test"), CONTENT))[0]

    assert await kind() == "Delivered"
    postfix.stop()
    assert await kind() == "Deferred"
    postfix.start()
    assert await kind() == "Delivered"
    await transport.close()


async def test_postfix_takes_a_large_file(postfix, tmp_path):
    content = b"Subject: large\r\n\r\n" + b".line\r\n" * 400_000
    (tmp_path / "content").write_bytes(content)
    file = ContentFile(tmp_path / "content", len(content))
    destination = f"smtp://localhost:{postfix.port}?tls=may"
    assert kinds(await deliver(destination, "a@postfix.test", content=file)) == ["Delivered"]
    end = b"\n.line" * 400_000 + b"\n"
    # What other tests have sent may still be on its way through Postfix.
    wait_until(
        lambda: any(message.endswith(end) for message in postfix.messages()),
        "the large message",
    )


@pytest.mark.parametrize("way", ["port", "socket"])
async def test_dovecot_answers_for_each_mailbox(dovecot, way):
    where = f"//127.0.0.1:{dovecot.port}" if way == "port" else f"//{dovecot.socket_path}"
    before = len(dovecot.mailbox("b@dovecot.test"))
    results = await deliver(
        f"lmtp:{where}", "a@dovecot.test", "nobody@dovecot.test", "b@dovecot.test"
    )
    assert kinds(results) == ["Delivered", "Failed", "Delivered"]
    assert results[1].reply.enhanced == "5.1.1"
    message = dovecot.mailbox("b@dovecot.test")[before:][0]
    assert message.endswith(BODY)


async def test_dovecot_that_was_down_takes_mail_again_on_the_same_transport(dovecot):
    transport = transport_for(f"lmtp://127.0.0.1:{dovecot.port}", SETTINGS)

    async def kind() -> str:
        return kinds(await transport.deliver(envelope(), to("a@dovecot.test"), CONTENT))[0]

    assert await kind() == "Delivered"
    dovecot.stop()
    assert await kind() == "Deferred"
    dovecot.start()
    assert await kind() == "Delivered"
    await transport.close()


@pytest.fixture
def sink_port():
    program = shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        pytest.skip("needs smtp-sink of Debian's postfix (make peers)")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *user, f"127.0.0.1:{port}", "100"], cwd="/") as sink:
        try:
            wait_until(lambda: _listens(port), "smtp-sink listens")
            yield port
        finally:
            sink.terminate()


async def test_smtp_sink_is_fed_over_one_held_session(sink_port):
    transport = transport_for(f"smtp://127.0.0.1:{sink_port}?sessions_max=1", SETTINGS)
    for _ in range(20):
        assert kinds(await transport.deliver(envelope(), to("a@x.test"), CONTENT)) == ["Delivered"]
    assert transport.statistics().handshakes_saved == 19
    await transport.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
