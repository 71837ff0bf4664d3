"""The controls before a password, said by a real service at a listener of each role."""

import base64

import pytest

from kit.controls import (
    CLIENT,
    HVE,
    account_policy,
    add_blocking_policy,
    clear,
    default_policy,
    mailbox_switch,
    security_defaults,
    tenant_switch,
)
from kit.live import PASSWORD, PRINTER, Client, open_directory, running_service, wait_for

NOT_ALLOWED = "the organization configuration doesn't allow this authentication request."
LOCKED = "user is locked by your organization's security defaults policy."
BASIC_OFF = "basic authentication is disabled."
VISIT = "Visit https://aka.ms/smtp_auth_disabled for more information."
TENANT = f"SmtpClientAuthentication is disabled for the Tenant. {VISIT}"
MAILBOX = f"SmtpClientAuthentication is disabled for the Mailbox. {VISIT}"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("policies") / "k", workers=1) as running:
        with open_directory(running.place) as directory:
            add_blocking_policy(directory)
        yield running
    assert PASSWORD not in "".join(running.log)


@pytest.fixture
def controlled(service):
    """controlled(change): as soon as the worker follows it."""

    def turn(change, listener, *, until):
        with open_directory(service.place) as directory:
            change(directory)
        wait_for(lambda: login(service, listener).startswith(until), until)

    yield turn
    turn(clear, CLIENT, until="235")


def login(service, listener, name=PRINTER, password=PASSWORD, mechanism="PLAIN"):
    with service.client(listener) as client:
        return said(client, name, password, mechanism)


def said(client: Client, name: str, password: str, mechanism: str) -> str:
    if mechanism == "PLAIN":
        initial = base64.b64encode(f"\0{name}\0{password}".encode())
        return client.ask(b"AUTH PLAIN " + initial)
    client.ask(b"AUTH LOGIN")
    client.ask(base64.b64encode(name.encode()))
    return client.ask(base64.b64encode(password.encode()))


@pytest.mark.parametrize(
    ("change", "listener", "text"),
    [
        (security_defaults, HVE, NOT_ALLOWED),
        (security_defaults, CLIENT, LOCKED),
        (account_policy, HVE, NOT_ALLOWED),
        (account_policy, CLIENT, BASIC_OFF),
        (default_policy, HVE, NOT_ALLOWED),
        (default_policy, CLIENT, BASIC_OFF),
        (tenant_switch, CLIENT, TENANT),
        (mailbox_switch, CLIENT, MAILBOX),
    ],
)
def test_a_blocked_login_hears_which_control_blocks_it(service, controlled, change, listener, text):
    controlled(change, listener, until="535 5.7.139")
    expected = f"535 5.7.139 Authentication unsuccessful, {text} [mail.kairan.test "
    for mechanism in ("PLAIN", "LOGIN"):
        assert login(service, listener, mechanism=mechanism).startswith(expected)
    # The password makes no difference: it is not looked at.
    assert login(service, listener, password="wrong").startswith(expected)


@pytest.mark.parametrize("change", [tenant_switch, mailbox_switch])
def test_hve_accounts_log_in_whatever_the_client_switch_says(service, controlled, change):
    controlled(change, CLIENT, until="535 5.7.139")
    assert login(service, HVE).startswith("235")


def test_an_organisations_block_does_not_tell_who_exists(service, controlled):
    controlled(security_defaults, HVE, until="535 5.7.139")
    known, unknown = (
        login(service, HVE, name).partition(" [")[0] for name in (PRINTER, "nobody@kairan.test")
    )
    assert known == unknown


def test_an_accounts_own_block_leaves_others_their_password(service, controlled):
    controlled(account_policy, HVE, until="535 5.7.139")
    assert login(service, HVE, "nobody@kairan.test").startswith("535 5.7.3 ")


def test_the_trace_names_the_control(service, controlled):
    controlled(account_policy, HVE, until="535 5.7.139")
    wait_for(
        lambda: any(
            "the account's own policy Block lacks AllowBasicAuthSmtp" in event.detail
            for event in service.events()
            if event.event == "REFUSE"
        ),
        "the control's name in the trace",
    )
