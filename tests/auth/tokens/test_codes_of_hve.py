"""Every code for tokens of HVE's page of errors, provoked over a real socket.

One row: what the client sends behind XOAUTH2 (^A written as it is meant, the octet 0x01), and the
reply.  Each row is sent as an initial response, behind a 334, and by Python's smtplib.
"""

import base64
import smtplib
import time
from contextlib import ExitStack
from functools import cache

import pytest

from kit.live import (
    PRINTER,
    USER,
    make_installation,
    open_directory,
    running_service,
    wait_for,
)
from kit.token_issuer import (
    APP,
    OBJECT,
    OTHER_RSA_KEY,
    TestIssuer,
    app_only,
    delegated,
    signed,
)

OFFERED = '\n[intake]\nmechanisms = ["LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"]\n'
OK = "235 2.7.0 Authentication successful"


@pytest.fixture(scope="module")
def issuer():
    with TestIssuer() as made:
        yield made


@pytest.fixture(scope="module")
def service_of(issuer, tmp_path_factory):
    """The service of a profile, with our application on the printer's list."""
    with ExitStack() as running:

        @cache
        def make(profile):
            place = tmp_path_factory.mktemp(profile) / "k"
            settings = issuer.settings() + OFFERED + f'[auth.tokens]\nprofile = "{profile}"\n'
            make_installation(place, settings=settings, workers=1)
            with open_directory(place) as directory:
                directory.set_account(PRINTER, allowed_apps=frozenset({OBJECT, APP}))
            return running.enter_context(running_service(place, install=False))

        yield make


def bearer(token, user=PRINTER):
    return f"user={user}\1auth=Bearer {token}\1\1"


def forged(issuer):
    return signed(delegated(issuer.name, time.time()), OTHER_RSA_KEY)


_127 = "535 5.7.127 Authentication unsuccessful"

# What is sent (of the issuer's), the reply in both editions where they differ.
ROWS = {
    "5.5.121 not base64": (
        lambda _: None,
        "501 5.5.121 Invalid XOAUTH2 argument - The argument is not valid base64",
    ),
    "5.5.122 auth before user": (
        lambda i: f"auth=Bearer\1user={PRINTER} {i.token()}\1\1",
        "501 5.5.122 Invalid XOAUTH2 auth data - The data is not in the expected format",
    ),
    "5.5.122 the two characters ^A": (
        lambda i: f"user={PRINTER}^Aauth=Bearer {i.token()}^A^A",
        "501 5.5.122 Invalid XOAUTH2 auth data - The data is not in the expected format",
    ),
    "5.5.122 NUL for ^A": (
        lambda i: bearer(i.token()).replace("\1", "\0"),
        "501 5.5.122 Invalid XOAUTH2 auth data - The data is not in the expected format",
    ),
    "5.5.122 the last ^A is missing": (
        lambda i: bearer(i.token())[:-1],
        "501 5.5.122 Invalid XOAUTH2 auth data - The data is not in the expected format",
    ),
    "5.5.123 no user": (
        lambda i: bearer(i.token(), user=""),
        "501 5.5.123 Invalid XOAUTH2 auth data - No user address provided",
    ),
    "5.5.124 no address": (
        lambda i: bearer(i.token(), user="InvalidEmailAddress"),
        (
            "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid. "
            "Please ensure the auth data is in the documented format"
        ),
    ),
    "5.5.125 no Bearer": (
        lambda i: f"user={PRINTER}\1auth= {i.token()}\1\1",
        "501 5.5.125 Invalid XOAUTH2 auth data - Auth type not present",
    ),
    "5.5.126 no token": (
        lambda _: bearer(""),
        "501 5.5.126 Invalid XOAUTH2 auth data - Auth token not present",
    ),
    "5.5.127 expires soon": (
        lambda i: bearer(i.token(exp=time.time() + 500)),
        "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
        "535 5.7.142 Token will expire soon",
    ),
    "5.5.128 expired": (
        lambda i: bearer(i.token(exp=time.time() - 60)),
        "501 5.5.128 Invalid XOAUTH2 auth data - Token has expired",
        "535 5.7.143 Expired token",
    ),
    "5.5.129 wrong permission": (
        lambda i: bearer(i.token(app_only, roles=["Mail.Read"])),
        "501 5.5.129 Invalid XOAUTH2 auth data - Invalid token, the app has wrong permissions",
        "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.",
    ),
    "5.7.240 the application is not on the list": (
        lambda i: bearer(i.token(app_only, oid="another")),
        _127,
        "550 5.7.240 The application is not allowed for use with this High Volume Email account",
    ),
    "5.7.127 forged": (lambda i: bearer(forged(i)), _127),
    "5.7.127 no token at all": (lambda _: bearer("letmein"), _127),
    "5.7.127 for another service": (
        lambda i: bearer(i.token(aud="https://graph.microsoft.com")),
        _127,
    ),
    "5.7.127 unknown account": (lambda i: bearer(i.token(), user="nobody@kairan.test"), _127),
    "right, somebody signed in": (lambda i: bearer(i.token()), OK),
    "right, an application": (lambda i: bearer(i.token(app_only)), OK),
}
PROFILES = ("hve-2025", "hve-2026")
EVERY = [(row, profile) for row in ROWS for profile in PROFILES]


def encoded(text):
    return b"not base64!" if text is None else base64.b64encode(text.encode())


def said(reply):
    """The reply without Exchange's [host time session-id] behind a refusal."""
    return reply.partition(" [")[0]


def expectation(row, profile):
    _, *replies = ROWS[row]
    return replies[-1] if profile == "hve-2026" else replies[0]


@pytest.mark.parametrize(("row", "profile"), EVERY)
def test_as_an_initial_response(service_of, issuer, row, profile):
    with service_of(profile).client() as client:
        reply = client.ask(b"AUTH XOAUTH2 " + encoded(ROWS[row][0](issuer)))
        assert said(reply) == expectation(row, profile)
        assert client.in_step()


@pytest.mark.parametrize("row", ROWS)
def test_behind_a_334(service_of, issuer, row):
    with service_of("hve-2025").client() as client:
        assert client.ask(b"AUTH xoauth2") == "334 "
        reply = client.ask(encoded(ROWS[row][0](issuer)))
        assert said(reply) == expectation(row, "hve-2025")
        assert client.in_step()


@pytest.mark.parametrize("row", [row for row in ROWS if "base64" not in row])
def test_by_smtplib(service_of, issuer, row):
    service = service_of("hve-2025")
    with smtplib.SMTP("127.0.0.1", service.port(), timeout=30) as client:
        client.starttls(context=service.trust)
        client.ehlo()
        try:
            code, text = client.auth("XOAUTH2", lambda _=None: ROWS[row][0](issuer))
        except smtplib.SMTPAuthenticationError as error:
            code, text = error.smtp_code, error.smtp_error
        assert said(f"{code} {text.decode()}") == expectation(row, "hve-2025")


def test_a_star_cancels(service_of):
    with service_of("hve-2025").client() as client:
        client.ask(b"AUTH XOAUTH2")
        assert client.ask(b"*").startswith("501 5.7.0")


def test_a_token_longer_than_a_line_may_be(service_of, issuer):
    with service_of("hve-2025").client() as client:
        long = encoded(bearer(issuer.token(filler="x" * 12_000)))
        assert said(client.ask(b"AUTH XOAUTH2 " + long)).startswith("500 5.5.6")
        assert client.ask(b"AUTH XOAUTH2") == "334 "
        assert said(client.ask(long)).startswith("500 5.5.6")
        assert client.in_step()


def test_oauthbearer_explains_in_json_and_refuses_behind_it(service_of, issuer):
    with service_of("hve-2025").client() as client:
        token = issuer.token(exp=time.time() - 60)
        initial = f"n,a={PRINTER},\1host=x\1port=587\1auth=Bearer {token}\1\1"
        challenge = client.ask(b"AUTH OAUTHBEARER " + encoded(initial))
        assert base64.b64decode(challenge.removeprefix("334 ")) == b'{"status": "invalid_token"}'
        reply = client.ask(base64.b64encode(b"\1"))
        assert said(reply) == expectation("5.5.128 expired", "hve-2025")
        right = initial.replace(token, issuer.token())
        assert client.ask(b"AUTH OAUTHBEARER " + encoded(right)) == OK


def test_a_refusal_by_oauthbearer_is_recorded_once_and_also_if_the_client_leaves(
    service_of, issuer
):
    service = service_of("hve-2026")

    began = time.time()  # what others provoked before may come into the trace later

    def recorded():
        events = [event for event in service.events() if event.time >= began]
        return [event for event in events if event.detail.startswith("oauth-unsuccessful ")]

    def counted():
        return sum(event.count for event in recorded())

    initial = encoded(f"n,a={PRINTER},\1auth=Bearer {forged(issuer)}\1\1")
    with service.client() as client:
        assert client.ask(b"AUTH OAUTHBEARER " + initial).startswith("334 ")
        assert said(client.ask(base64.b64encode(b"\1"))) == _127
        # Of the next login everything is recorded again.
        assert client.ask(b"AUTH OAUTHBEARER " + initial).startswith("334 ")
    wait_for(lambda: counted() >= 2, "both refusals")  # of strangers: counted, not one by one
    with service.client() as client:
        client.ask(b"AUTH XOAUTH2 " + encoded(bearer("")))
    wait_for(
        lambda: any(e.detail.startswith("xoauth2-token-missing") for e in service.events()),
        "a later refusal",
    )
    assert counted() == 2
    assert all("mechanism=OAUTHBEARER" in event.detail for event in recorded())


def test_what_a_listener_of_the_client_role_takes(service_of, issuer):
    token = issuer.token(app_only, roles=["SMTP.SendAsApp"])
    with service_of("hve-2025").client("implicit") as client:
        assert client.ask(b"AUTH XOAUTH2 " + encoded(bearer(token))) == OK
    with service_of("hve-2025").client() as client:
        reply = client.ask(b"AUTH XOAUTH2 " + encoded(bearer(token)))
        assert said(reply) == expectation("5.5.129 wrong permission", "hve-2025")


def test_the_trace_tells_mechanism_and_application_of_a_message_but_not_the_token(
    service_of, issuer
):
    service, token = service_of("hve-2025"), issuer.token(app_only)
    with service.client() as client:
        client.ask(b"AUTH XOAUTH2 " + encoded(bearer(token)))
        answer = client.send(b"Subject: by token\r\n\r\nhello", USER)
        assert answer.startswith("250 2.6.0")
    service.wait_message(b"by token")
    received = service.wait_event("RECEIVE")
    assert f"mechanism=XOAUTH2 app={APP}" in received.detail
    everything = "".join(service.log) + repr(service.events())
    assert token not in everything
    assert token.rpartition(".")[2] not in everything
