"""The AUTH dialogue out of shape, against the real service.

Every exchange stands in tests/smtp/server/test_auth.py; here is what only the whole can show.
"""

import base64

from kit.live import PASSWORD, PRINTER

GOOD = base64.b64encode(f"\0{PRINTER}\0{PASSWORD}".encode())


def test_login_in_all_its_forms(service):
    user, password = (base64.b64encode(text.encode()) for text in (PRINTER, PASSWORD))
    for lines in (
        [b"AUTH PLAIN " + GOOD],
        [b"auth plain", GOOD],
        [b"AUTH LOGIN", user, password],
        [b"AUTH login " + user, password],
    ):
        with service.client() as client:
            answers = [client.ask(line) for line in lines]
            assert answers[-1] == "235 2.7.0 Authentication successful"


def test_pipelined_commands_behind_a_login_wait_for_it(service):
    with service.client() as client:
        client.say(b"AUTH PLAIN " + GOOD + b"\r\nMAIL FROM:<printer@kairan.test>\r\nNOOP\r\n")
        assert [answer[:3] for answer in client.replies(3)] == ["235", "250", "250"]


def test_after_a_cancelled_login_nobody_is_in(service):
    with service.client() as client:
        client.ask(b"AUTH PLAIN")
        assert client.ask(b"*").startswith("501 5.7.0")
        assert client.ask(b"MAIL FROM:<printer@kairan.test>").startswith("530 5.7.57")


def test_a_second_login_and_one_within_a_transaction_are_refused(service):
    with service.client().login() as client:
        assert client.auth(PRINTER, PASSWORD).startswith("503 5.5.1 Already authenticated")
        client.ask(b"MAIL FROM:<printer@kairan.test>")
        assert client.auth(PRINTER, PASSWORD).startswith("503 5.5.1 AUTH not permitted")
        assert client.in_step()


def test_without_tls_there_is_no_login(service):
    with service.client(tls=False) as client:
        assert client.ask(b"AUTH PLAIN " + GOOD).startswith("538 5.7.11")


def test_a_refusal_names_host_time_and_session(service):
    with service.client() as client:
        session = client.greeting.rpartition("[")[2].rstrip("]")
        answer = client.auth(PRINTER, "wrong")
        assert answer.startswith("535 5.7.3 Authentication unsuccessful [mail.kairan.test 20")
        assert answer.endswith(f"Z {session}]")
