"""Stop, reload, a worker that dies, fewer workers than before: no mail is lost, no session rudely."""

import os
import shutil
import signal
import ssl

from kairan.spool.sqlite.operator.view import ShardView
from kit.live import (
    USER,
    Client,
    make_installation,
    running_service,
    wait_for,
)

NOWHERE = "smtp://127.0.0.1:1?tls=none"


def certificate_of(service):
    with Client(service.port("implicit"), service.trust) as client:
        client.start_tls()
        return client.sock.getpeercert(binary_form=True)


def test_sighup_brings_a_new_certificate_and_drops_no_session(tmp_path):
    make_installation(tmp_path / "other")
    with running_service(tmp_path / "k") as service:
        before = certificate_of(service)
        with service.client().login() as held:
            for name in ("ca.pem", "server.pem", "server.key"):
                shutil.copy(tmp_path / "other" / "tls" / name, service.place / "tls" / name)
            service.process.send_signal(signal.SIGHUP)

            def renewed():
                try:
                    return certificate_of(service)
                except ssl.SSLError:
                    return None  # the old one, which the new authority has not signed

            wait_for(renewed, "the new certificate")
            assert renewed() != before
            assert held.send(b"Subject: held over a reload\r\n").startswith("250")


def test_a_certificate_that_cannot_be_read_leaves_the_old_one(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        before = certificate_of(service)
        (service.place / "tls" / "server.pem").write_text("no certificate")
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "runtime.certificate-rejected" in "".join(service.log), "a log line")
        assert certificate_of(service) == before


def test_a_graceful_stop_lets_transactions_finish_and_tells_the_others(tmp_path):
    place = tmp_path / "k"
    with running_service(place) as service:
        busy = service.client().login()
        chunks = service.client("device")
        idle = [service.client("device"), service.client().login(), service.client("implicit")]
        busy.begin()
        busy.say(b"Subject: until the end\r\n\r\nhalf\r\n")
        chunks.envelope()
        chunks.say(b"BDAT 14\r\nSubject: c\r\n\r\n")
        assert chunks.reply().startswith("250 2.6.0 CHUNK")
        service.process.terminate()
        for client in idle:
            with client:
                assert client.reply().startswith("421 4.3.2 Service not available [mail.kairan")
                assert client.rest() == b""
        with busy:
            busy.say(b"other half\r\n.\r\n")
            assert busy.reply().startswith("250 2.6.0")
            assert busy.reply().startswith("421 4.3.2")
        with chunks:
            chunks.say(b"BDAT 3 LAST\r\nx\r\n")
            assert chunks.reply().startswith("250 2.6.0")
            assert chunks.reply().startswith("421 4.3.2")
        assert service.process.wait(60) == 0
    with running_service(place, install=False) as service:
        service.wait_message(b"until the end")
        wait_for(lambda: len(service.messages()) == 2, "both")


def test_a_new_transaction_while_stopping_is_refused(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        client, idle = service.client("device"), service.client("device")
        client.begin()
        client.say(b"Subject: last\r\n\r\n")
        service.process.terminate()
        with idle:
            assert idle.reply().startswith("421 4.3.2")  # the worker has heard of it
        with client:
            client.say(b"x\r\n.\r\nMAIL FROM:<printer@kairan.test>\r\n")
            assert client.reply().startswith("250 2.6.0")
            assert client.reply().startswith("421 4.3.2")
            assert client.rest() == b""
        assert service.process.wait(60) == 0


def test_a_connection_that_comes_while_stopping_is_told_so(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        busy, idle = service.client("device"), service.client("device")
        busy.begin()
        service.process.terminate()
        with idle:
            assert idle.reply().startswith("421 4.3.2")
        with Client(service.port("device"), service.trust) as late:
            assert late.reply().startswith("421 4.3.2 Service not available")
            assert late.rest() == b""
        with busy:
            busy.say(b"Subject: last\r\n\r\nx\r\n.\r\n")
            assert busy.reply().startswith("250 2.6.0")
        assert service.process.wait(60) == 0


def test_a_dead_worker_is_replaced_and_its_mail_goes_on(tmp_path):
    with running_service(tmp_path / "k") as service:
        sent = 0
        for _ in range(3):
            before = service.workers()
            for _ in range(4):
                with service.client("device") as client:
                    assert client.send(b"Subject: over dead workers\r\n\r\nx").startswith("250")
                sent += 1
            os.kill(before[0], signal.SIGKILL)
            wait_for(
                lambda gone=before[0]: (
                    gone not in service.workers() and len(service.workers()) == 2
                ),
                "a new worker",
            )
        wait_for(lambda: len(service.messages()) >= sent, f"{sent} messages")
        with service.client("device") as client:
            assert client.in_step()


def test_fewer_workers_than_before_adopt_what_the_others_left(tmp_path):
    place, sent = tmp_path / "k", 24
    with running_service(place, routes={"*": NOWHERE}, workers=3) as service:
        for number in range(sent):
            with service.client("device") as client:
                answer = client.send(b"Subject: adopted-%d-\r\n\r\nx" % number)
                assert answer.startswith("250")
    shards = sorted((place / "data" / "spool").glob("shard-*"))
    assert len(shards) == 3
    file = place / "kairan.toml"
    text = file.read_text().replace("workers = 3", "workers = 1")
    file.write_text(text.replace(NOWHERE, "maildir:maildir"))
    for shard in shards:
        with ShardView(shard) as view:
            view.retry([listed.job.id for listed in view.list()], now=0.0)
    with running_service(place, install=False) as service:
        wait_for(lambda: len(service.messages(USER)) >= sent, "what three workers had")
        for number in range(sent):
            service.wait_message(b"adopted-%d-" % number)
        service.wait_empty()
        assert len(service.messages(USER)) == sent
