"""kairan webhook: add, list, test, remove; and what the audit says of it."""

import json

import pytest

from kit.receiver import receiver


@pytest.fixture
def target():
    with receiver() as one:
        yield one


@pytest.fixture
def allowed(shell):
    """Webhooks may lead to this machine."""
    file = shell.place / "kairan.toml"
    file.write_text(file.read_text() + '\n[webhooks]\nnetworks_allowed = ["127.0.0.0/8"]\n')
    return shell


def test_one_is_added_with_a_secret_that_is_shown_once(shell):
    added = shell.done("webhook", "add", "shop", "https://shop.example.com/in", "--json").json
    assert added["secret"].startswith("kai~")
    assert len(added["events"]) == 6
    listed = shell.done("webhook", "list", "--json").out
    assert added["secret"] not in listed
    assert [one["name"] for one in json.loads(listed)] == ["shop"]
    assert added["secret"] not in shell.done("webhook", "list").out


def test_a_test_is_sent_signed_and_once_and_the_exit_code_says_whether_it_was_taken(
    allowed, target
):
    allowed.done("webhook", "add", "shop", target.url, "--event", "failed")
    allowed.done("webhook", "test", "shop")
    (got,) = target.requests
    assert [one["event"] for one in got.events] == ["test"]
    assert "Kairan-Signature" in got.headers
    target.status = 404
    answer = allowed("webhook", "test", "shop", "--json")
    assert answer.code == 1
    assert answer.json == {"taken": False, "answer": "HTTP 404"}


def test_without_the_setting_this_machine_is_not_reached(shell, target):
    shell.done("webhook", "add", "shop", target.url)
    answer = shell("webhook", "test", "shop")
    assert answer.code == 1
    assert "not dialled" in answer.out
    assert not target.requests


def test_the_audit_says_who_is_told_and_neither_secret_nor_path(shell):
    url = "https://hooks.example.com/T0/secret-path"
    secret = shell.done("webhook", "add", "chat", url, "--json").json["secret"]
    shell.done("webhook", "remove", "chat")
    audit = (shell.place / "data" / "audit" / "administration.jsonl").read_text()
    lines = [one for one in map(json.loads, audit.splitlines()) if "webhook" in one["what"]]
    assert [one["what"] for one in lines] == ["webhook.add", "webhook.remove"]
    assert lines[0]["host"] == "hooks.example.com"
    assert secret not in audit
    assert "secret-path" not in audit


def test_what_is_not_there_and_what_is_no_address_is_said(shell):
    assert "there is no webhook x" in shell.refused("webhook", "remove", "x")
    assert "there is no webhook x" in shell.refused("webhook", "test", "x")
    assert "write an address" in shell.refused("webhook", "add", "x", "ftp://example.com/")
    url = "https://example.com/"
    assert "of which events" in shell.refused("webhook", "add", "x", url, "--event", "test")
