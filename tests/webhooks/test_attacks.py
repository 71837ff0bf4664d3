"""SSRF by webhook: no request reaches an address that is not the Internet's, whatever it is called."""

import asyncio
import hashlib
import hmac
import socket

import pytest

from kairan.web.settings import WebhookSettings
from kairan.webhooks.hook import WebhookError, check_url
from kairan.webhooks.sending import SIGNATURE, body_of, webhook_sender
from kit.receiver import receiver

HERE = WebhookSettings(networks_allowed=("127.0.0.0/8",), timeout_seconds=5)
SECRET = "kai~secret"


def posted(url, settings=HERE, body=b"{}"):
    async def post():
        async with webhook_sender(settings) as sender:
            return await sender.post(url, SECRET, body, 1_800_000_000)

    return asyncio.run(post())


@pytest.fixture(scope="module")
def target():
    with receiver() as one:
        yield one


@pytest.fixture
def resolving(monkeypatch):
    """Names mean what the attacker's DNS says; connections are real."""

    def resolve_as(*addresses):
        async def getaddrinfo(self, host, port, **_):
            found = []
            for one in addresses:
                family = socket.AF_INET6 if ":" in one else socket.AF_INET
                found.append((family, socket.SOCK_STREAM, 6, "", (one, port)))
            return found

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)

    return resolve_as


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ],
)
def test_an_address_of_the_inside_is_never_dialled(target, host, scheme):
    before = len(target.requests)
    answer = posted(f"{scheme}://{host}:{target.port}/in", WebhookSettings(timeout_seconds=5))
    assert not answer.is_taken
    # Some notations are no address for one library, and one for another.
    odd = host in {"0", "0177.0.0.1"} and answer.text in {"InvalidURL", "gaierror"}
    assert answer.text.startswith("not dialled") or odd, answer
    assert len(target.requests) == before


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_means_an_address_of_the_inside_is_never_dialled(
    target, resolving, address, scheme
):
    resolving(address)
    before = len(target.requests)
    answer = posted(
        f"{scheme}://hooks.example.com:{target.port}/in", WebhookSettings(timeout_seconds=5)
    )
    assert answer.text.startswith("not dialled")
    assert len(target.requests) == before


def test_of_a_name_with_several_addresses_only_those_that_are_listed_are_dialled(target, resolving):
    resolving("10.1.2.3", "127.0.0.1", "169.254.169.254")
    before = len(target.requests)
    assert posted(f"http://hooks.example.com:{target.port}/in").is_taken
    assert len(target.requests) == before + 1
    assert target.requests[-1].headers["Host"] == f"hooks.example.com:{target.port}"


def test_the_address_that_was_judged_is_the_one_that_is_dialled(target, monkeypatch):
    """A name whose second lookup means another address (DNS rebinding) is looked up once."""
    asked = []

    async def getaddrinfo(self, host, port, **_):
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    assert posted(f"http://hooks.example.com:{target.port}/in").is_taken
    assert [one for one in asked if one != "127.0.0.1"] == ["hooks.example.com"]


def test_http_without_tls_is_for_listed_addresses_alone(resolving):
    resolving("1.1.1.1")
    answer = posted("http://hooks.example.com/in", WebhookSettings(timeout_seconds=1))
    assert answer.text.startswith("not dialled: http://")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(target, status):
    with receiver() as first:
        first.status, first.location = status, target.url
        before = len(target.requests)
        answer = posted(first.url)
        assert not answer.is_taken
        assert "redirects are not followed" in answer.text
        assert len(first.requests) == 1
        assert len(target.requests) == before


def test_a_proxy_of_the_environment_is_not_asked(target, monkeypatch):
    with receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert posted(target.url).is_taken
        assert not proxy.requests


def test_a_receiver_that_does_not_answer_costs_its_time_and_no_more():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        settings = WebhookSettings(networks_allowed=("127.0.0.0/8",), timeout_seconds=0.2)
        assert posted(url, settings).text == "no answer within 0.2 s"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https:///in",
        "https://user:password@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#x",
        "https://example.com/\r\nX: y",
        "https://exämple.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "example.com",
        "",
    ],
)
def test_what_is_no_address_of_a_web_server_is_not_added(url):
    with pytest.raises(WebhookError):
        check_url(url)


def test_the_signature_is_of_the_time_and_the_body(target):
    body = body_of("mail.example.com", ['{"id":"1","event":"test"}'])
    assert posted(target.url, body=body).is_taken
    received = target.requests[-1]
    assert received.body == body
    moment, signed = (part.partition("=")[2] for part in received.headers[SIGNATURE].split(","))
    wanted = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signed, wanted)
    assert moment == "1800000000"
