"""A server's words from before TLS, believed after it (CVE-2021-38371).

Also what strips STARTTLS on the way: where TLS is wanted and not to be had, no mail leaves.
"""

import ssl

from kairan.testing.peer import Rule, Say, ScriptedPeer
from kit.live import USER, in_thread, make_installation, running_service, wait_for

FORGED = b"220 2.0.0 Go on\r\n250-forged.test\r\n250-XFORGED\r\n250 AUTH PLAIN\r\n235 2.7.0 In\r\n"


def peer_tls(place):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "tls" / "server.pem", place / "tls" / "server.key")
    return context


def test_replies_forged_before_the_handshake_are_void(tmp_path):
    authority = tmp_path / "peer"
    make_installation(authority)
    peer = ScriptedPeer([Rule("STARTTLS", Say(FORGED), times=3)], tls=peer_tls(authority))
    with in_thread(peer):
        to = f"smtp://127.0.0.1:{peer.port}?tls=require&ca={authority / 'tls' / 'ca.pem'}"
        with running_service(tmp_path / "k", routes={USER: to}, workers=1) as service:
            with service.client("device") as client:
                assert client.send(b"Subject: for the forger\r\n").startswith("250")
            wait_for(lambda: peer.messages or peer.sessions > 3, "the message at the next hop")
            assert b"AUTH" not in b"".join(line for _, line in peer.commands)
            # Either the session is given up, or everything was asked anew behind the handshake.
            for number, line in peer.commands:
                if line.upper().startswith(b"MAIL"):
                    assert peer.verbs(number).count("EHLO") == 2


def test_a_next_hop_without_starttls_gets_nothing_where_tls_is_required(tmp_path):
    with in_thread(ScriptedPeer()) as peer:
        to = f"smtp://127.0.0.1:{peer.port}?tls=require"
        with running_service(tmp_path / "k", routes={USER: to}, workers=1) as service:
            with service.client("device") as client:
                assert client.send(b"Subject: secret\r\n").startswith("250")
            wait_for(lambda: peer.heard("EHLO"), "a session at the next hop")
            service.wait_event("DEFER")
            assert not peer.heard("MAIL")
            assert service.spooled() == 1
