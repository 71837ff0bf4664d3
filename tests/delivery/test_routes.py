"""Rules in order, the first that matches wins."""

import pytest

from kairan.delivery.plan import queue_name
from kairan.delivery.routes import Router
from kairan.delivery.settings import RouteSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Recipient


def router(*patterns: str) -> Router:
    return Router([RouteSettings(pattern, f"smtp://{n}") for n, pattern in enumerate(patterns)])


MATCHES = [
    (["kairan.test"], "a@kairan.test", "kairan.test"),
    (["kairan.test"], "a@KAIRAN.test".lower(), "kairan.test"),
    (["kairan.test"], "a@sub.kairan.test", None),
    (["b\u00fccher.test"], "a@xn--bcher-kva.test", "b\u00fccher.test"),
    (["xn--bcher-kva.test"], "a@bu\u0308cher.test", "xn--bcher-kva.test"),
    (["*.b\u00fccher.test"], "a@sub.xn--bcher-kva.test", "*.b\u00fccher.test"),
    (["a*@bu\u0308cher.test"], "abc@b\u00fccher.test", "a*@bu\u0308cher.test"),
    (["\u00fc@kairan.test"], "u\u0308@kairan.test", "\u00fc@kairan.test"),
    (["*.kairan.test"], "a@sub.kairan.test", "*.kairan.test"),
    (["*.kairan.test"], "a@deep.sub.kairan.test", "*.kairan.test"),
    (["*.kairan.test"], "a@kairan.test", None),
    (["*.test", "*.kairan.test"], "a@sub.kairan.test", "*.test"),
    (["*.kairan.test", "*.test"], "a@sub.kairan.test", "*.kairan.test"),
    (["a@kairan.test"], "A@kairan.test", "a@kairan.test"),
    (["kairan.test", "a@kairan.test"], "a@kairan.test", "kairan.test"),
    (["a@kairan.test", "kairan.test"], "a@kairan.test", "a@kairan.test"),
    (["printer*@kairan.test", "*"], "Printer7@kairan.test", "printer*@kairan.test"),
    (["*", "printer*@kairan.test"], "printer7@kairan.test", "*"),
    (["printer*@kairan.test"], "user@kairan.test", None),
    (["*"], "anyone@anywhere.example", "*"),
    ([], "a@kairan.test", None),
]


@pytest.mark.parametrize(("patterns", "address", "name"), MATCHES)
def test_which_rule_an_address_takes(patterns, address, name):
    route = router(*patterns).route(address)
    assert (route.name if route else None) == name


def test_a_job_finds_its_rule_by_name_and_its_destination_may_have_changed():
    route = Router([RouteSettings("*", "lmtp://new")]).named("*")
    assert route is not None
    assert route.destination == "lmtp://new"
    assert Router([]).named("*") is None


@pytest.mark.parametrize(
    ("to", "final", "by_domain"),
    [
        ("maildir:/mail", True, False),
        ("MailDir:/mail", True, False),
        ("lmtp:///run/lmtp", True, False),
        ("smtp://next.test", False, False),
        ("mx:", False, True),
        ("MX:?tls=require", False, True),
    ],
)
def test_what_a_destination_is(to, final, by_domain):
    route = Router([RouteSettings("*", to)]).route("a@b.test")
    assert route is not None
    assert (route.is_final, route.by_domain) == (final, by_domain)


def test_routes_to_one_destination_share_its_queue_as_they_share_its_sessions():
    """A hundred domains behind one smart host had a hundred times its sessions' deliveries."""
    routes = [("a.test", "smtp://hub"), ("b.test", "smtp://hub"), ("c.test", "mx:"), ("*", "mx:")]
    router = Router([RouteSettings(pattern, to) for pattern, to in routes])

    def queue_of(address):
        recipient = Recipient(Address(address))
        return queue_name(router.route(address), recipient)

    assert queue_of("x@a.test") == queue_of("x@b.test") == "a.test"
    assert queue_of("x@c.test") == "c.test c.test"
    assert queue_of("x@d.test") == "c.test d.test"
