"""What an account may: recipients, connections, messages; and a directory that changes meanwhile."""

import contextlib

import pytest

from kairan.cli import sample
from kit.live import PASSWORD, PAYROLL, PRINTER, USER, open_directory, running_service, wait_for

CONNECTIONS_EXCEEDED = (
    "432 4.3.2 Concurrent connections limit exceeded. "
    "Visit https://aka.ms/concurrent_sending for more information. [mail.kairan.test 20"
)


@pytest.fixture
def changing(tmp_path):
    """A service of its own: these tests change its directory."""
    with running_service(tmp_path / "k") as running:
        yield running


def change(service, **fields):
    with open_directory(service.place) as directory:
        directory.set_account(PAYROLL, **fields)


def content(subject):
    return f"From: {PAYROLL}\r\nSubject: {subject}\r\n\r\nx".encode()


def test_the_51st_recipient_is_one_too_many_and_the_fifty_get_the_message(service):
    with service.client().login() as client:
        client.ask(b"MAIL FROM:<printer@kairan.test>")
        people = [sample.user(number) for number in range(1, 52)]
        answers = [client.ask(f"RCPT TO:<{person}>".encode()) for person in people]
        assert set(answers[:50]) == {"250 2.1.5 Recipient OK"}
        assert answers[50].startswith("452 4.5.3 Too many recipients [mail.kairan.test")
        client.ask(b"DATA")
        client.say(b"Subject: to fifty\r\n\r\nx\r\n.\r\n")
        assert client.reply().startswith("250 2.6.0")
    service.wait_message(b"to fifty", sample.user(50))
    service.wait_empty()
    assert not [m for m in service.messages(sample.user(51)) if b"to fifty" in m]


def test_the_250_names_message_id_and_internal_id(service):
    with service.client().login() as client:
        answer = client.send(b"Message-ID: <named@kairan.test>\r\nSubject: x\r\n")
        assert answer.startswith("250 2.6.0 <named@kairan.test> [InternalId=")
        assert answer.endswith("] Queued mail for delivery")
        long = b"<" + b"a" * 700 + b"@kairan.test>"
        answer = client.send(b"Message-ID: " + long + b"\r\nSubject: x\r\n")
        assert answer.startswith("250 2.6.0 [InternalId=")
        assert len(answer) < 510


def mail(client):
    """Whether it may begin a message; it forgets it again."""
    answer = client.ask(f"MAIL FROM:<{PAYROLL}>".encode())
    client.ask(b"RSET")
    return answer


def test_too_many_connections_of_an_account_are_told_before_they_hold_anything(changing):
    change(changing, connections_max=2)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(changing.client().login(PAYROLL)) for _ in range(3)]
        wait_for(
            lambda: mail(held[2]).startswith(CONNECTIONS_EXCEEDED), "a 432 once the change is known"
        )
        assert [mail(client)[:3] for client in held] == ["250", "250", "432"]
        held[0].sock.close()
        wait_for(lambda: mail(held[2]).startswith("250"), "a 250 when one has left")
        with changing.client().login(PRINTER) as other:
            assert other.send(b"Subject: not concerned\r\n").startswith("250")


def test_sessions_that_come_later_take_no_place_of_those_that_are_in(changing):
    change(changing, connections_max=2)

    def known():
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(changing.client().login(PAYROLL)) for _ in range(20)]
            return [mail(client)[:3] for client in held] == ["250"] * 2 + ["432"] * 18

    wait_for(known, "the first two to keep their places")


def test_messages_per_minute_are_counted_over_all_workers(changing):
    change(changing, messages_per_minute=3)

    def one_more():
        with changing.client().login(PAYROLL) as client:
            return client.send(content("rate"), sender=PAYROLL)

    # Until the change is known more may pass, and so may three more when a minute begins.
    answer = wait_for(lambda: (a := one_more()).startswith("432") and a, "a 432")
    assert answer.startswith("432 4.3.2 Message rate limit of this account exceeded [")
    with changing.client().login(PRINTER) as other:
        assert other.send(b"Subject: not concerned\r\n").startswith("250")


def test_an_account_disabled_while_its_session_is_open_sends_no_more(changing):
    with changing.client().login(PAYROLL) as client:
        assert client.send(content("enabled"), sender=PAYROLL).startswith("250")
        change(changing, enabled=False)

        def refused():
            answer = client.ask(f"MAIL FROM:<{PAYROLL}>".encode())
            if answer.startswith("250"):
                client.ask(b"RSET")
                return None
            return answer

        assert wait_for(refused, "a refusal").startswith("530 5.7.57")
        assert client.rest() == b""

    def shut_out():
        with changing.client() as client:
            return client.auth(PAYROLL, PASSWORD).startswith("535 5.7.3")

    wait_for(shut_out, "the other worker to know too")


def test_a_new_mailbox_and_a_new_alias_are_known_to_every_worker_soon(changing):
    with open_directory(changing.place) as directory:
        directory.add_mailbox("newcomer@kairan.test")
        directory.set_account(PAYROLL, aliases=["wages@kairan.test"])

    def known():
        with changing.client().login(PAYROLL) as client:
            answers = [
                client.ask(b"MAIL FROM:<wages@kairan.test>"),
                client.ask(b"RCPT TO:<newcomer@kairan.test>"),
            ]
            return all(answer.startswith("250") for answer in answers)

    for _ in range(6):  # the kernel deals the connections out to the workers
        wait_for(known, "the newcomer")


def test_a_removed_mailbox_is_refused_soon(changing):
    with open_directory(changing.place) as directory:
        directory.remove_mailbox(USER)

    def refused():
        with changing.client().login() as client:
            return client.envelope(USER).startswith("550 5.1.10")

    wait_for(refused, "a refusal")
