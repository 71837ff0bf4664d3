"""What goes out to other kinds of mail servers lies there octet for octet, for everybody once."""

import smtplib
from contextlib import ExitStack

import pytest

from kit.live import PASSWORD, PRINTER, running_service, wait_for
from peers.cyrus import cyrus_lmtp
from peers.exim import exim_smtp
from peers.haraka_server import haraka_smtp
from peers.unchanged import assert_unchanged, large_message, message

pytestmark = pytest.mark.peers

# Ten users each have their mailboxes there.
NEXT_HOPS = {
    "user01": (haraka_smtp, "smtp://127.0.0.1:{port}?tls=none"),
    "user02": (exim_smtp, "smtp://127.0.0.1:{port}?tls=none"),
    "user03": (cyrus_lmtp, "lmtp://127.0.0.1:{port}"),
}


@pytest.fixture(scope="module")
def next_hops():
    """Those that are installed, and for each of the others why it is not there."""
    servers, missing = {}, {}
    with ExitStack() as running:
        for users, (start, _) in NEXT_HOPS.items():
            try:
                servers[users] = running.enter_context(start())
            except pytest.skip.Exception as why:
                missing[users] = str(why)
        yield servers, missing


@pytest.fixture(scope="module")
def service(next_hops, tmp_path_factory):
    routes = {
        f"{users}*@kairan.test": NEXT_HOPS[users][1].format(port=server.port)
        for users, server in next_hops[0].items()
    }
    place = tmp_path_factory.mktemp("next-hops") / "k"
    with running_service(place, routes={**routes, "kairan.test": "maildir:maildir"}) as running:
        yield running


@pytest.fixture
def mailbox(next_hops, request):
    servers, missing = next_hops
    if why := missing.get(request.param):
        pytest.skip(why)
    return servers[request.param].mailbox


@pytest.mark.parametrize(
    ("users", "mailbox"),
    [(users, users) for users in NEXT_HOPS],
    ids=["haraka", "exim", "cyrus"],
    indirect=["mailbox"],
)
def test_a_next_hop_has_each_message_once(service, users, mailbox):
    recipients = [f"{users}{n}@kairan.test" for n in range(3)]
    contents = [
        message(PRINTER, recipients),
        large_message(PRINTER, recipients, 1024 * 1024),
    ]
    with smtplib.SMTP("127.0.0.1", service.port()) as client:
        client.starttls(context=service.trust)
        client.login(PRINTER, PASSWORD)
        client.sendmail(PRINTER, recipients, contents[0], ["BODY=8BITMIME"])
        client.sendmail(PRINTER, recipients, contents[1])
    service.wait_empty()
    # Exim says yes first and delivers then.
    wait_for(lambda: all(len(mailbox(one)) >= len(contents) for one in recipients), "all the mail")
    for recipient in recipients:
        arrived = mailbox(recipient)
        for content, sent in zip(sorted(arrived, key=len), contents, strict=True):
            assert_unchanged(content, sent)
