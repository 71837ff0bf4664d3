"""Sender against the demo organisation: no loop of the caller's, threads, and forks."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import kairan
from kairan.sender.result import State
from kairan.testing import running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def sender_of(demo):
    account = demo.accounts[0]
    return kairan.Sender(
        f"{demo.smtp_host}:{demo.smtp_port}",
        user=account.address,
        password=account.password,
        ca_file=demo.ca_file,
    )


def letter(demo, *recipients, subject="Hi"):
    return kairan.Message.compose(
        sender=demo.accounts[0].address, to=recipients, subject=subject, text="Hello"
    )


def test_one_message_to_many_arrives_at_each_of_them(demo):
    recipients = [f"user{n:03}@{demo.domain}" for n in range(1, 121)]
    with sender_of(demo) as sender:
        report = sender.send(letter(demo, "everybody@us.test"), recipients)
        opened = sender.statistics().sessions_opened
    assert report.all_sent
    assert opened <= 4
    for recipient in recipients:
        demo.wait_messages(recipient, count=1)


def test_a_recipient_that_is_unknown_is_refused_with_a_remedy(demo):
    with sender_of(demo) as sender:
        report = sender.send(letter(demo, f"user150@{demo.domain}", f"nobody@{demo.domain}"))
    assert [result.state for result in report] == [State.SENT, State.REFUSED]
    assert report.results[1].remedies[0].en


def test_threads_share_one_sender(demo):
    with sender_of(demo) as sender, ThreadPoolExecutor(8) as threads:
        letters = [letter(demo, f"user{n:03}@{demo.domain}") for n in range(160, 190)]
        reports = list(threads.map(sender.send, letters))
        opened = sender.statistics().sessions_opened
    assert all(report.all_sent for report in reports)
    assert opened <= 4


def test_a_stream_is_read_in_the_callers_thread(demo):
    with sender_of(demo) as sender:
        letters = (letter(demo, f"user{n:03}@{demo.domain}") for n in range(160, 180))
        assert sum(report.all_sent for report in sender.stream(letters)) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_sessions_of_its_own(demo, tmp_path):
    """As Celery and Airflow do: the parent has sent, forks, and both go on."""
    account = demo.accounts[0]
    program = f"""
import os, sys
import kairan
sender = kairan.Sender("{demo.smtp_host}:{demo.smtp_port}", user="{account.address}",
                       password="{account.password}", ca_file=r"{demo.ca_file}")
def send(n):
    message = kairan.Message.compose(sender="{account.address}", to=["user190@{demo.domain}"],
                                     subject=str(n), text="x")
    assert sender.send(message).all_sent
send(0)
children = []
for n in (1, 2):
    pid = os.fork()
    if not pid:
        send(n); send(n)
        assert sender.statistics().sessions_opened == 1
        sender.close()
        os._exit(0)
    children.append(pid)
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
send(3)
assert sender.statistics().sessions_opened == 1, "the parent's session is still its own"
sender.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    demo.wait_messages(f"user190@{demo.domain}", count=6)


def test_a_sender_may_be_closed_and_used_again(demo):
    sender = sender_of(demo)
    for _ in range(2):
        assert sender.send(letter(demo, f"user191@{demo.domain}")).all_sent
        sender.close()
    sender.close()


def test_a_wrong_server_is_said_at_once():
    with pytest.raises(ValueError, match="HOST:PORT"):
        kairan.Sender("mail.test:smtp")
