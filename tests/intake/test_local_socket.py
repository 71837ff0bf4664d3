"""A worker's own socket, at which the web process hands over what came by HTTP."""

import base64
import socket

from kairan.api.submission import proxy_header
from kairan.config.read import load
from kairan.intake.control import api_socket_name
from kairan.runtime.local_socket import reachable
from kit.live import PASSWORD, PRINTER, USER, running_service
from kit.ports import free_port

MESSAGE = b"Subject: as one\r\n\r\nHello.\r\n"


def test_what_is_sent_in_one_piece_is_answered_in_one(tmp_path):
    """The web process is woken once for a message, and not first by what says nothing of its fate."""
    settings = f"\n[api]\nenabled = true\nport = {free_port()}\n"
    with running_service(tmp_path / "k", workers=1, settings=settings) as service:
        folder = load(service.place / "kairan.toml").control_directory
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(60)
            with reachable(folder, api_socket_name(0)) as path:
                peer.connect(path)
            said(peer, proxy_header("192.0.2.7"))
            said(peer, b"EHLO web\r\n")
            login = base64.b64encode(f"\0{PRINTER}\0{PASSWORD}".encode())
            assert said(peer, b"AUTH PLAIN %s\r\n" % login).startswith(b"235")
            answer = said(
                peer,
                f"MAIL FROM:<{PRINTER}>\r\nRCPT TO:<{USER}>\r\nBDAT {len(MESSAGE)} LAST\r\n".encode()
                + MESSAGE,
            )
    assert [line[:9] for line in answer.split(b"\r\n")] == [
        b"250 2.1.0",
        b"250 2.1.5",
        b"250 2.6.0",
        b"",
    ]


def said(peer, octets):
    """The first that comes for it."""
    peer.sendall(octets)
    return peer.recv(65_536)
