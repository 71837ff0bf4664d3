"""Too many connections, half-open ones, harvested recipients, TLS renegotiation."""

import contextlib
import ssl

import pytest

from kit.live import PAYROLL, PRINTER, Client, running_service, wait_for

HERE = {"TCP4": "127.0.0.1", "TCP6": "::1"}
SETTINGS = """
[intake]
connections_per_address_max = 20
connections_max = 60
"""


@pytest.fixture(scope="module")
def capped(tmp_path_factory):
    place = tmp_path_factory.mktemp("capped") / "k"
    with running_service(place, settings=SETTINGS, workers=1) as running:
        yield running


def proxied(service, source, family="TCP4"):
    client = Client(service.port("proxy"), service.trust)
    client.say(f"PROXY {family} {source} {HERE[family]} 1 587\r\n".encode())
    client.greeting = client.reply()
    return client


def test_one_address_hears_421_and_others_do_not(capped):
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(proxied(capped, "203.0.113.1")) for _ in range(30)]
        greetings = [client.greeting[:9] for client in flood]
        assert greetings.count("421 4.3.2") == 10
        assert flood[-1].greeting == "421 4.3.2 Too many connections, try again later"
        assert flood[-1].rest() == b""
        legit = stack.enter_context(proxied(capped, "192.0.2.1"))
        legit.ask(b"EHLO x")
        legit.ask(b"STARTTLS")
        legit.start_tls()
        legit.ask(b"EHLO x")
        assert legit.login(PAYROLL).send(b"Subject: legit\r\n", sender=PAYROLL).startswith("250")
    with proxied(capped, "203.0.113.1") as again:
        assert again.greeting.startswith("220")


def test_many_addresses_together_have_a_bound_too(capped):
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(proxied(capped, f"203.0.113.{n}")) for n in range(80)]
        assert sum(client.greeting.startswith("421") for client in flood) >= 20
    with proxied(capped, "192.0.2.1") as again:
        assert again.greeting.startswith("220")


def test_recipients_are_not_harvested_without_end(capped):
    with capped.client().login() as client:
        client.ask(b"MAIL FROM:<printer@kairan.test>")
        client.say(b"RCPT TO:<nobody@kairan.test>\r\n" * 1_001)
        answers = client.replies(1_001)
        assert answers[999].startswith("550 5.1.10")
        assert answers[1_000].startswith("421 4.7.0 Too many errors")
        assert client.rest() == b""


def test_strangers_cannot_harvest_at_all(capped):
    with capped.client() as client:
        for user in ("user001", "nobody"):
            assert client.ask(f"RCPT TO:<{user}@kairan.test>".encode()).startswith("503 5.5.2")
            assert client.ask(f"VRFY {user}".encode()) == "252 2.1.5 Cannot VRFY user"
            assert client.ask(b"EXPN all-hands").startswith("502 5.5.1")


def test_tls_is_not_renegotiated(capped):
    context = capped.trust
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Client(capped.port(), context) as client:
        client.reply()
        client.ask(b"EHLO x")
        client.ask(b"STARTTLS")
        client.start_tls()
        assert client.sock.version() == "TLSv1.2"
        client.ask(b"EHLO x")
        assert client.login(PRINTER).in_step()
        # Python's ssl cannot ask for it; the server's context is asked instead.
    from kairan.runtime.tls import server_context

    tls = capped.place / "tls"
    options = server_context(str(tls / "server.pem"), str(tls / "server.key")).options
    assert options & ssl.OP_NO_RENEGOTIATION


def test_half_open_tls_counts_like_any_connection(capped):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(proxied(capped, "203.0.113.77"))
            client.ask(b"EHLO x")
            client.ask(b"STARTTLS")
            client.say(b"\x16\x03\x01")
        late = stack.enter_context(proxied(capped, "203.0.113.77"))
        assert late.greeting.startswith("421 4.3.2")


def test_strangers_refused_before_ehlo_are_a_few_events_and_mail_keeps_its_history(capped):
    with capped.client().login(PAYROLL) as client:
        client.send(b"Message-ID: <salary@kairan.test>\r\n\r\nx\r\n", sender=PAYROLL)
    for _ in range(50):
        with proxied(capped, "198.51.100.66") as client:
            client.say(b"MAIL FROM:<x@y.test>\r\n" * 30)
            client.rest()
    with proxied(capped, "2001:db8:6:6::1", family="TCP6") as client:
        client.ask(b"DATA")
    with proxied(capped, "2001:db8:6:6::2", family="TCP6") as client:
        client.ask(b"DATA")

    def strangers(address):
        return [e for e in capped.events() if e.event == "REFUSE" and e.client == address]

    wait_for(lambda: sum(e.count for e in strangers("198.51.100.66")) >= 1_000, "all refusals")
    assert len(strangers("198.51.100.66")) < 20
    wait_for(lambda: sum(e.count for e in strangers("2001:db8:6:6::/64")) == 2, "the two of IPv6")
    assert "RECEIVE" in [e.event for e in capped.events("<salary@kairan.test>")]
    shown = capped.kairan("trace", "--since", "1h")
    assert "client=198.51.100.66 " in shown
    assert " times since " in shown
