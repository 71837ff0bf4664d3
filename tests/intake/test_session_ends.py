"""What an ended transaction or connection leaves behind: nothing."""

import signal
import socket
import struct
import time

from kit.live import LISTENER_NAMES, PRINTER, running_service


def test_content_without_a_recipient_leaves_no_transaction_behind(tmp_path):
    """A stop would wait for it until the drain ends, and its time would run for the next one."""
    with running_service(tmp_path / "k", workers=1) as service, service.client().login() as client:
        assert client.envelope("nobody@kairan.test", sender=PRINTER).startswith("550 5.1.10")
        assert client.ask(b"DATA").startswith("354")
        client.say(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert client.reply().startswith("503")
        service.process.send_signal(signal.SIGTERM)
        assert client.reply().startswith("421")


def test_a_connection_reset_before_we_accept_it_is_no_defect(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        with service.frozen():
            for listener in LISTENER_NAMES:
                gone = socket.create_connection(("127.0.0.1", service.port(listener)))
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.close()
        for listener in LISTENER_NAMES[:3]:
            with service.client(listener) as client:
                assert client.in_step()
        assert service.stop() == 0
    assert "Traceback" not in "".join(service.log)


def test_each_transaction_has_its_own_time(tmp_path):
    """Also when its MAIL comes with the end of the one before."""
    settings = "\n[intake]\ntransaction_timeout_seconds = 2.5\n"
    with (
        running_service(tmp_path / "k", workers=1, settings=settings) as service,
        service.client().login() as client,
    ):
        mail = f"MAIL FROM:<{PRINTER}>".encode()
        assert client.ask(mail).startswith("250")
        for _ in range(6):
            time.sleep(1.0)
            client.say(b"RSET\r\n" + mail + b"\r\n")
            assert [reply[:3] for reply in client.replies(2)] == ["250", "250"]
