"""`running_demo`: a real service for a test, and a clear failure where it cannot start."""

import os

import pytest

from kairan.testing import DemoError, running_demo


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_runs_within_the_block_and_not_after_it(tmp_path):
    with running_demo(tmp_path / "demo") as demo:
        assert is_running(demo.pid)
        assert demo.domain == "kairan.test"
        assert demo.accounts[0].address == "printer@kairan.test"
        assert demo.accounts[0].aliases
        assert demo.groups[0] == "all-hands@kairan.test"
        assert demo.configuration.is_file()
        assert demo.ca_file.is_file()
    assert not is_running(demo.pid)


def test_a_demo_that_ends_at_once_shows_what_it_printed(tmp_path):
    with (
        pytest.raises(DemoError, match="no-such-option"),
        running_demo(tmp_path / "demo", options=["--no-such-option"]),
    ):
        pass


def test_waiting_for_mail_that_does_not_come_ends_with_numbers(tmp_path):
    with (
        running_demo(tmp_path / "demo") as demo,
        pytest.raises(TimeoutError, match=r"user001@kairan\.test has 0 messages"),
    ):
        demo.wait_messages("user001@kairan.test", count=1, seconds=0.2)


def test_a_complaint_with_already_in_it_is_not_taken_for_ready(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "tls").mkdir()
    with (
        pytest.raises(DemoError, match="exists already"),
        running_demo(tmp_path / "demo"),
    ):
        pass
