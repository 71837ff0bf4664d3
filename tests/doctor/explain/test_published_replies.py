"""Troubleshoot High Volume Email (Microsoft Learn, 2025) as a table: each code, provoked over a real socket, explained by the doctor.

One row: a code and the entry it belongs to, the listener and the control that stands, and what the
client sends.  The very reply that comes back is handed to the doctor, in English and in Japanese.
The replies word by word are in tests/auth/tokens/test_codes_of_hve.py and
tests/intake/test_policies_at_listeners.py; `pytest -s` prints this table.
"""

import base64
import re
import time
from collections.abc import Callable

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.explain.explain import explain, verdict_of
from kairan.doctor.explain.text import lines_of, record_of
from kairan.outcomes.catalogue import CATALOGUE
from kit.controls import (
    CLIENT,
    HVE,
    account_policy,
    add_blocking_policy,
    clear,
    default_policy,
    mailbox_switch,
    nothing,
    security_defaults,
    tenant_switch,
)
from kit.live import (
    PASSWORD,
    PRINTER,
    make_installation,
    open_directory,
    running_service,
    wait_for,
)
from kit.token_issuer import OTHER_RSA_KEY, TestIssuer, app_only, delegated, signed

# Every code of that page, written out from it and not from the catalogue.
PAGE_CODES = {
    "535 5.7.3",
    "535 5.7.139",
    "501 5.5.121",
    "501 5.5.122",
    "501 5.5.123",
    "501 5.5.124",
    "501 5.5.125",
    "501 5.5.126",
    "501 5.5.127",
    "501 5.5.128",
    "501 5.5.129",
    "535 5.7.127",
}

Octets = Callable[[TestIssuer], bytes]


def plain(password: str) -> Octets:
    initial = base64.b64encode(f"\0{PRINTER}\0{password}".encode())
    return lambda _: b"AUTH PLAIN " + initial


def xoauth2(make: Callable[[TestIssuer], str]) -> Octets:
    """^A written as it is meant, the octet 0x01."""
    return lambda issuer: b"AUTH XOAUTH2 " + base64.b64encode(make(issuer).encode())


def bearer(token: str, user: str = PRINTER) -> str:
    return f"user={user}\1auth=Bearer {token}\1\1"


def not_base64(_issuer: TestIssuer) -> bytes:
    return b"AUTH XOAUTH2 user=EmailAddress^Aauth=Bearer"


def forged(issuer: TestIssuer) -> str:
    return bearer(signed(delegated(issuer.name, time.time()), OTHER_RSA_KEY))


RIGHT = plain(PASSWORD)
# code, entry, control, listener, what the client sends
ROWS = [
    ("535 5.7.3", "auth-unsuccessful", nothing, HVE, plain("wrong")),
    ("535 5.7.3", "auth-unsuccessful", nothing, CLIENT, plain("wrong")),
    ("535 5.7.139", "basic-auth-not-allowed", security_defaults, HVE, RIGHT),
    ("535 5.7.139", "security-defaults-block", security_defaults, CLIENT, RIGHT),
    ("535 5.7.139", "basic-auth-not-allowed", account_policy, HVE, RIGHT),
    ("535 5.7.139", "basic-auth-disabled", account_policy, CLIENT, RIGHT),
    ("535 5.7.139", "basic-auth-not-allowed", default_policy, HVE, RIGHT),
    ("535 5.7.139", "basic-auth-disabled", default_policy, CLIENT, RIGHT),
    ("535 5.7.139", "smtp-auth-disabled-tenant", tenant_switch, CLIENT, RIGHT),
    ("535 5.7.139", "smtp-auth-disabled-mailbox", mailbox_switch, CLIENT, RIGHT),
    ("501 5.5.121", "xoauth2-not-base64", nothing, HVE, not_base64),
    (
        "501 5.5.122",
        "xoauth2-format",
        nothing,
        HVE,
        xoauth2(lambda i: f"auth=Bearer\1user={PRINTER} {i.token()}\1\1"),
    ),
    (
        "501 5.5.123",
        "xoauth2-user-missing",
        nothing,
        HVE,
        xoauth2(lambda i: bearer(i.token(), user="")),
    ),
    (
        "501 5.5.124",
        "xoauth2-user-invalid",
        nothing,
        HVE,
        xoauth2(lambda i: bearer(i.token(), user="InvalidEmailAddress")),
    ),
    (
        "501 5.5.125",
        "xoauth2-type-missing",
        nothing,
        HVE,
        xoauth2(lambda i: f"user={PRINTER}\1auth= {i.token()}\1\1"),
    ),
    ("501 5.5.126", "xoauth2-token-missing", nothing, HVE, xoauth2(lambda _: bearer(""))),
    (
        "501 5.5.127",
        "token-expires-soon",
        nothing,
        HVE,
        xoauth2(lambda i: bearer(i.token(exp=time.time() + 500))),
    ),
    (
        "501 5.5.128",
        "token-expired",
        nothing,
        HVE,
        xoauth2(lambda i: bearer(i.token(exp=time.time() - 60))),
    ),
    (
        "501 5.5.129",
        "token-permission",
        nothing,
        HVE,
        xoauth2(lambda i: bearer(i.token(app_only, roles=["Mail.Read"]))),
    ),
    ("535 5.7.127", "oauth-unsuccessful", nothing, HVE, xoauth2(forged)),
]
# The entries whose words the organisation's controls say: each text, not only the code.
POLICY_KEYS = {
    "basic-auth-not-allowed",
    "security-defaults-block",
    "basic-auth-disabled",
    "smtp-auth-disabled-tenant",
    "smtp-auth-disabled-mailbox",
}
KANA = re.compile("[\u3040-\u30ff]")  # what Japanese has and neither English nor a command


@pytest.fixture(scope="module")
def issuer():
    with TestIssuer() as made:
        yield made


@pytest.fixture(scope="module")
def service(issuer, tmp_path_factory):
    place = tmp_path_factory.mktemp("page") / "k"
    make_installation(place, settings=issuer.settings(), workers=1)
    with running_service(place, install=False) as running:
        with open_directory(place) as directory:
            add_blocking_policy(directory)
        yield running


@pytest.fixture
def provoke(service, issuer):
    """provoke(control, listener, octets, code): what is sent, and the reply once the control stands."""

    def ask(listener, octets):
        with service.client(listener) as client:
            return client.ask(octets)

    def turn(control, listener, octets, code):
        with open_directory(service.place) as directory:
            control(directory)
        sent = octets(issuer)
        # A worker follows the directory a moment later.
        return sent, wait_for(
            lambda: reply if (reply := ask(listener, sent)).startswith(f"{code} ") else None, code
        )

    yield turn
    turn(clear, CLIENT, RIGHT, "235")


def test_the_table_has_every_code_of_the_page_and_no_other():
    assert {code for code, *_ in ROWS} == PAGE_CODES
    assert {key for code, key, *_ in ROWS if code == "535 5.7.139"} == POLICY_KEYS


@pytest.mark.parametrize(
    ("code", "key", "control", "listener", "octets"),
    ROWS,
    ids=[f"{code} {key} {control.__name__} {listener}" for code, key, control, listener, _ in ROWS],
)
def test_the_reply_is_explained_in_both_languages(provoke, code, key, control, listener, octets):
    sent, reply = provoke(control, listener, octets, code)
    explanations = explain(reply)
    first = explanations[0]
    print(f"\nC: {sent.decode()}\nS: {reply}\n=> {first.key}")
    assert reply.startswith(f"{code} {CATALOGUE[key].text} [mail.kairan.test ")
    assert first.key == key
    assert f"{first.reply.code} {first.reply.enhanced}" == code
    assert verdict_of(explanations) is Verdict.PROBLEM
    for language in Language:
        record = record_of(first, language)
        assert record["causes"]
        assert record["remedies"]
        told = [record["when"], *record["causes"], *record["remedies"]]
        assert all(text.strip() for text in told)
        assert [bool(KANA.search(text)) for text in told] == [language is Language.JA] * len(told)
        page = "\n".join(line.text for line in lines_of(explanations, language))
        print(page)
        assert set(told) <= {re.sub(r"^ +(?:\d+\. )?", "", line) for line in page.splitlines()}
